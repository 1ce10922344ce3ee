import { describe, expect, test } from 'vitest';
import { applyDefaults, capped, startTracing, tracingConfigured } from './tracing.ts';

test.each<[NodeJS.ProcessEnv, boolean]>([
  [{}, false],
  [{ OTEL_SERVICE_NAME: 'x' }, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }, true],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c:4318/v1/traces' }, true],
  [{ OTEL_TRACES_EXPORTER: 'console' }, true],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_TRACES_EXPORTER: 'none' }, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_SDK_DISABLED: 'true' }, false],
])('%o', (env, configured) => {
  expect(tracingConfigured(env)).toBe(configured);
});

test('a tenth of the traces is kept, parents decide, and much can wait for the collector', () => {
  const env: NodeJS.ProcessEnv = {};
  applyDefaults(env, 'fairlead-router', '1.2.3');
  expect(env).toMatchObject({
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.1',
    OTEL_BSP_MAX_QUEUE_SIZE: '16384',
    OTEL_BSP_SCHEDULE_DELAY: '1000',
    OTEL_SERVICE_NAME: 'fairlead-router',
    OTEL_RESOURCE_ATTRIBUTES: 'service.version=1.2.3',
  });
});

test('what the standard variables say stays', () => {
  const said = {
    OTEL_TRACES_SAMPLER: 'always_on',
    OTEL_BSP_MAX_QUEUE_SIZE: '100',
    OTEL_SERVICE_NAME: 'gateway',
  };
  const env: NodeJS.ProcessEnv = { ...said, OTEL_RESOURCE_ATTRIBUTES: 'service.version=mine' };
  applyDefaults(env, 'fairlead-router', '1.2.3');
  expect(env).toMatchObject(said);
  expect(env).not.toHaveProperty('OTEL_TRACES_SAMPLER_ARG');
  expect(env.OTEL_RESOURCE_ATTRIBUTES).toMatch(/,service\.version=mine$/);
});

test('without an endpoint spans cost nothing and shutdown is immediate', async () => {
  const tracing = await startTracing('test', '1', { info() {}, warn() {} });
  expect(tracing.enabled).toBe(false);
  expect(tracing.tracer.startSpan('x').isRecording()).toBe(false);
  await tracing.shutdown();
});

describe('a capped wait', () => {
  test('ends with its work', async () => {
    await capped(Promise.resolve(), 60_000);
  });
  test('ends when its work fails', async () => {
    await capped(Promise.reject(new Error('no collector')), 60_000);
  });
  test('ends at its cap', async () => {
    await capped(new Promise(() => {}), 20);
  });
});
