import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../kube/testing/wait.ts';
import { type ScriptedUpstream, sendJson, startUpstream } from './testing/scripted-upstream.ts';
import { startTracedRouter, type TracedRouter } from './testing/traced-router.ts';

let traced: TracedRouter;
let upstream: ScriptedUpstream;
beforeAll(async () => {
  const env = {
    OTEL_SEMCONV_STABILITY_OPT_IN: 'http, gen_ai_latest_experimental',
    OTEL_BLRP_SCHEDULE_DELAY: '50',
  };
  traced = await startTracedRouter({}, { env, content: 'event' });
  upstream = await startUpstream((request) =>
    sendJson(request, {
      id: 'chatcmpl-1',
      choices: [{ message: { content: 'the secret answer' }, finish_reason: 'stop' }],
    }),
  );
  traced.router.putModel('m');
  traced.router.putPod('m', 'm-0', upstream.port);
  await traced.router.untilReplicas('m', 1);
});
afterAll(() => Promise.all([traced?.stop(), upstream?.stop()]));

test('the latest conventions come by the standard variable, content as an event and nowhere else', async () => {
  const { router, collector, newTrace } = traced;
  const trace = newTrace();
  const messages = [{ role: 'user', content: 'the secret question' }];
  await fetch(`${router.address}/v1/chat/completions`, {
    method: 'POST',
    headers: { traceparent: trace.traceparent },
    body: JSON.stringify({ model: 'm', messages, reasoning_effort: 'low' }),
  });
  const spans = await trace.spans();
  const operation = spans.find(({ name }) => name === 'chat m');
  expect(operation).toMatchObject({
    schemaUrl: 'https://opentelemetry.io/schemas/gen-ai-dev/1.42.0-dev',
    attributes: { 'gen_ai.request.reasoning.level': 'low' },
  });
  await eventually('the event arrives', () => collector.logs.length > 0);
  expect(collector.logs).toEqual([
    expect.objectContaining({
      eventName: 'gen_ai.client.inference.operation.details',
      traceId: trace.id,
      spanId: operation?.spanId,
      attributes: expect.objectContaining({
        'gen_ai.operation.name': 'chat',
        'gen_ai.request.model': 'm',
        'gen_ai.response.id': 'chatcmpl-1',
        'gen_ai.input.messages': [
          { role: 'user', parts: [{ type: 'text', content: 'the secret question' }] },
        ],
        'gen_ai.output.messages': [
          {
            role: 'assistant',
            parts: [{ type: 'text', content: 'the secret answer' }],
            finish_reason: 'stop',
          },
        ],
      }),
    }),
  ]);
  expect(JSON.stringify([spans, router.everyLine])).not.toContain('secret');
  expect(await router.metrics()).not.toContain('secret');
});
