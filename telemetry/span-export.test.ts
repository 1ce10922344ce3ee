import { SpanKind, TraceFlags } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { afterEach, expect, test, vi } from 'vitest';
import { RecordedSpan, type SpanOrigin } from './recorded-span.ts';
import { createExport } from './span-export.ts';
import { newSpanId, newTraceId } from './span-ids.ts';
import type { SpanBatch } from './span-queue.ts';
import { startOtlpReceiver } from './testing/otlp-receiver.ts';

const origin = {
  resource: { attributes: { 'service.name': 'test' } },
  instrumentationScope: { name: 'fairlead' },
} as unknown as SpanOrigin;

function recorded(name: string, attributes: object = {}): RecordedSpan {
  const context = { traceId: newTraceId(), spanId: newSpanId(), traceFlags: TraceFlags.SAMPLED };
  const about = { name, kind: SpanKind.CLIENT, startMs: 1 };
  const span = new RecordedSpan(origin, about, context, undefined);
  span.end(attributes, 2, false);
  return span;
}

/** As a tracer of the SDK's makes them. */
function notOurs(name: string): ReadableSpan {
  const { context, links, events, startTime, endTime, duration, status } = recorded(name);
  return {
    ...{ name, kind: SpanKind.INTERNAL, spanContext: () => context, links, status, ended: true },
    ...{ startTime, endTime, duration, events: [{ name: 'e', time: [1, 0] }, ...events] },
    ...{ attributes: {}, ...origin },
    ...{ droppedAttributesCount: 0, droppedEventsCount: 0, droppedLinksCount: 0 },
  };
}

const sent = (batch: SpanBatch) => new Promise((resolve) => batch.send(resolve));

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const one of cleanUp.splice(0).reverse()) await one();
});

async function scene(batchSize: number, timeoutMs = 60_000) {
  const receiver = await startOtlpReceiver();
  vi.stubEnv('OTEL_EXPORTER_OTLP_TIMEOUT', `${timeoutMs}`);
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', receiver.endpoint);
  const to = await createExport({}, batchSize);
  cleanUp.push(
    () => receiver.stop(),
    () => to.shutdown(),
  );
  return { receiver, to, names: () => receiver.spans.map(({ name }) => name) };
}

test('a batch has spans of ours and of the SDK’s, and the next one nothing of them', async () => {
  const { receiver, to, names } = await scene(10);
  const batch = to.begin();
  for (const span of [recorded('a'), notOurs('x'), recorded('b')]) batch.add(span);
  expect(batch).toMatchObject({ count: 3, isFull: false });
  expect(await sent(batch)).toBeUndefined();
  expect(names()).toEqual(['a', 'b', 'x']);
  expect(receiver.spans.map(({ resource }) => resource)).toEqual(
    Array(3).fill({ 'service.name': 'test' }),
  );
  const next = to.begin();
  next.add(recorded('c'));
  const other = to.begin();
  other.add(notOurs('y'));
  expect([await sent(next), await sent(other)]).toEqual([undefined, undefined]);
  expect(names()).toEqual(['a', 'b', 'x', 'c', 'y']);
});

test('a batch is full by its count, or by its size', async () => {
  const { to } = await scene(100);
  const [many, large] = [to.begin(), to.begin()];
  for (let at = 0; at < 100; at++) {
    expect(many.isFull).toBe(false);
    many.add(recorded('a'));
  }
  expect(many.isFull).toBe(true);
  for (let at = 0; !large.isFull; at++) {
    expect(at).toBeLessThan(9);
    large.add(recorded('a', { 'gen_ai.output.messages': 'x'.repeat(256 * 1024) }));
  }
});

test('what no collector takes is an error', async () => {
  const { receiver, to } = await scene(10, 100);
  await receiver.stop();
  const batch = to.begin();
  batch.add(recorded('a'));
  expect(await sent(batch)).toBeInstanceOf(Error);
});
