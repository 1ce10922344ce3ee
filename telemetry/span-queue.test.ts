import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { expect, test, vi } from 'vitest';
import { exportBy } from './span-export.ts';
import { SpanQueue } from './span-queue.ts';

type Done = Parameters<SpanExporter['export']>[1];

/** An exporter that answers when the test tells it to. */
function scene(queueSize: number, batchSize: number, delayMs = 60_000) {
  const exports: { count: number; done: Done }[] = [];
  const said: string[] = [];
  const exporter: SpanExporter = {
    export: (spans, done) => void exports.push({ count: spans.length, done }),
    shutdown: async () => {},
    forceFlush: async () => {},
  };
  const queue = new SpanQueue(
    exportBy(exporter, batchSize),
    { queueSize, delayMs },
    {
      warn: (_, message) => void said.push(message),
      info: (_, message) => void said.push(message),
    },
  );
  const span = {} as ReadableSpan;
  const end = (count: number) => {
    for (let at = 0; at < count; at++) queue.onEnd(span);
  };
  return { end, exports, queue, said };
}

const success = { code: 0 };
const failure = { code: 1, error: new Error('503') };

test('spans that find the queue full are counted as lost, each once', () => {
  const { end, queue } = scene(10, 10);
  // Sixteen exports are under way, ten spans wait.
  end(16 * 10 + 10 + 5);
  expect(queue.takeLost()).toBe(5);
  expect(queue.takeLost()).toBe(0);
});

test('spans that are too few for a batch go after a while', async () => {
  const { end, exports } = scene(100, 10, 1);
  end(13);
  await vi.waitFor(() => expect(exports.map(({ count }) => count)).toEqual([10, 3]), 50_000);
});

test('spans that the collector does not take are counted, and said once until it takes some', async () => {
  const { end, exports, queue, said } = scene(100, 10);
  for (const result of [failure, failure, success, success, failure]) {
    end(10);
    exports.at(-1)?.done(result);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(queue.takeLost()).toBe(30);
  expect(said).toEqual([
    'the collector does not take spans',
    'the collector takes spans again',
    'the collector does not take spans',
  ]);
});

test('what waits is exported at the end without asking too much of the exporter at once', async () => {
  const { end, exports, queue } = scene(1_000, 10);
  end(1_000);
  const over = queue.shutdown();
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
  expect(queue.takeLost()).toBe(0);
});
