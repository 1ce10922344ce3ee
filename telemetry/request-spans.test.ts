import { expect, test } from 'vitest';
import type { ContentMode } from './content.ts';
import { createRegistry, createRouterMetrics } from './metrics.ts';
import type { RecordedSpan, SpanOrigin } from './recorded-span.ts';
import { RequestRecord } from './request-record.ts';
import { RequestTelemetry } from './request-telemetry.ts';
import { untraced } from './tracing.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const origin = {} as SpanOrigin;
const target = {
  ...{ model: 'm', pod: 'm-0', namespace: 'ns', revision: 'r', address: '10.0.0.1', port: 80 },
  ...{ policy: 'LeastLoad', reason: 'least_load', candidates: 1 },
};

/** A request of which all is told at times of the test's own, and the spans that come of it. */
function scene({ content = 'off' as ContentMode, isSampled = true } = {}) {
  const clock = { ms: 1_000 };
  const spans: RecordedSpan[] = [];
  const ended = (span: unknown) => void spans.push(span as RecordedSpan);
  const telemetry = new RequestTelemetry({
    metrics: createRouterMetrics(createRegistry('test', '0')),
    tracing: { ...untraced, enabled: true, origin, samples: () => isSampled, ended, content },
    nowMs: () => clock.ms,
  });
  const record = new RequestRecord(telemetry, {
    ...{ requestId: 'req_1', method: 'POST', httpVersion: '1.1', bytesIn: 9 },
    headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
    ...{ path: '/v1/chat/completions', route: '/v1/chat/completions' },
    ...{ startMs: clock.ms, receivedMs: clock.ms },
  });
  const messages = [{ role: 'user', content: 'the question' }];
  const bytes = Buffer.from(JSON.stringify({ messages }));
  record.call({ operation: 'chat', model: 'm', stream: false }, { bytes, parameters: () => ({}) });
  record.attemptStarted(target);
  const choices = [{ message: { content: 'the answer' }, finish_reason: 'stop' }];
  clock.ms += 250;
  record.data(Buffer.from(JSON.stringify({ id: 'x', choices })));
  clock.ms += 500;
  record.attemptEnded({ outcome: 'ok', statusCode: 200 });
  clock.ms += 1;
  record.end({ status: 200, bytesOut: 1 });
  return spans;
}

const milliseconds = ([seconds, nanos]: readonly [number, number]) =>
  Math.round(seconds * 1000 + nanos / 1e6);

test('each span ends with what it is about, and that is the last byte', () => {
  const spans = scene();
  expect(spans.map(({ name, duration }) => [name, milliseconds(duration)])).toEqual([
    ['POST', 750],
    ['chat m', 751],
    ['POST /v1/chat/completions', 751],
  ]);
  const [attempt, operation, server] = spans.map((span) => span.spanContext());
  expect(spans.map(({ parentSpanContext }) => parentSpanContext)).toEqual([
    operation,
    server,
    { traceId, spanId: '00f067aa0ba902b7', traceFlags: 1, isRemote: true },
  ]);
  expect(new Set([attempt, operation, server].map((one) => one?.spanId)).size).toBe(3);
  expect(spans.every((span) => span.spanContext().traceId === traceId && span.ended)).toBe(true);
});

test('of a request that is not sampled there are no spans', () => {
  expect(scene({ isSampled: false, content: 'span' })).toEqual([]);
});

test('content is on the GenAI span where that is asked for, as JSON, and nowhere else', () => {
  const [attempt, operation, server] = scene({ content: 'span' });
  expect(operation?.attributes).toMatchObject({
    'gen_ai.input.messages': JSON.stringify([
      { role: 'user', parts: [{ type: 'text', content: 'the question' }] },
    ]),
    'gen_ai.output.messages': JSON.stringify([
      {
        role: 'assistant',
        parts: [{ type: 'text', content: 'the answer' }],
        finish_reason: 'stop',
      },
    ]),
  });
  expect(JSON.stringify([attempt, server])).not.toMatch(/the (question|answer)/);
  expect(JSON.stringify(scene())).not.toMatch(/the (question|answer)/);
  expect(scene().every(({ attributes }) => !('gen_ai.input.messages' in attributes))).toBe(true);
});
