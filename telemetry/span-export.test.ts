import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { expect, test } from 'vitest';
import { CountingSpanProcessor } from './span-export.ts';

type Done = Parameters<SpanExporter['export']>[1];

/** An exporter that answers when the test tells it to. */
function scene(queueSize: number, batchSize: number) {
  const exports: { count: number; done: Done }[] = [];
  const said: string[] = [];
  const exporter: SpanExporter = {
    export: (spans, done) => void exports.push({ count: spans.length, done }),
    shutdown: async () => {},
    forceFlush: async () => {},
  };
  const processor = new CountingSpanProcessor(
    exporter,
    { queueSize, batchSize, delayMs: 60_000 },
    {
      warn: (_, message) => void said.push(message),
      info: (_, message) => void said.push(message),
    },
  );
  const span = {
    spanContext: () => ({ traceId: 't', spanId: 's', traceFlags: 1 }),
    resource: { asyncAttributesPending: false },
  } as unknown as ReadableSpan;
  const end = (count: number) => {
    for (let at = 0; at < count; at++) processor.onEnd(span);
  };
  return { end, exports, processor, said };
}

const success = { code: 0 };
const failure = { code: 1, error: new Error('503') };

test('spans that find the queue full are counted as lost, each once', () => {
  const { end, processor } = scene(10, 10);
  // The first ten go out at once as a batch, the next ten wait.
  end(25);
  expect(processor.takeLost()).toBe(5);
  expect(processor.takeLost()).toBe(0);
});

test('spans that the collector does not take are counted, and said once until it takes some', async () => {
  const { end, exports, processor, said } = scene(100, 10);
  for (const result of [failure, failure, success, success, failure]) {
    end(10);
    exports.at(-1)?.done(result);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(processor.takeLost()).toBe(30);
  expect(said).toEqual([
    'the collector does not take spans',
    'the collector takes spans again',
    'the collector does not take spans',
  ]);
});

test('a full queue is exported at the end without asking too much of the exporter at once', async () => {
  const { end, exports, processor } = scene(1_000, 10);
  end(1_000);
  const over = processor.shutdown();
  let done = 0;
  while (done < 100) {
    await new Promise((resolve) => setImmediate(resolve));
    expect(exports.length - done).toBeLessThanOrEqual(16);
    const next = exports[done];
    if (!next) continue;
    done++;
    next.done(success);
  }
  await over;
  expect(exports.reduce((sum, { count }) => sum + count, 0)).toBe(1_000);
  expect(processor.takeLost()).toBe(0);
});
