import { describe, expect, test } from 'vitest';
import { capped, startTracing, tracingConfigured } from './tracing.ts';

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
