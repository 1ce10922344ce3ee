import fc from 'fast-check';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { createKubeMetrics } from './metrics.ts';
import { createWorkQueue } from './queue.ts';
import { createFakeClock } from './testing/fake-clock.ts';

function setUp(limits = {}) {
  const clock = createFakeClock();
  const queue = createWorkQueue({ name: 'test', clock, limits });
  return { clock, queue };
}

describe('work queue', () => {
  it('no key in two workers at once; adds during processing lead to exactly one more pass', async () => {
    type Step = { kind: 'add' | 'addLow' | 'done' | 'take'; key: string };
    const step = fc.record<Step>({
      kind: fc.constantFrom('add', 'addLow', 'done', 'take'),
      key: fc.constantFrom('a', 'b', 'c', 'd'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { queue } = setUp();
        const working = new Set<string>();
        /** What must still be handed out: once for each key, however often it was added. */
        const owed = new Set<string>();
        const take = async () => {
          const key = await queue.get();
          if (key === undefined) throw new Error('stopped');
          expect(working.has(key), `${key} is in two workers`).toBe(false);
          expect(owed.delete(key), `${key} was not owed`).toBe(true);
          working.add(key);
          return key;
        };
        for (const { kind, key } of steps) {
          if (kind === 'take') {
            if (queue.size > 0) await take();
          } else if (kind === 'done') {
            working.delete(key);
            queue.done(key);
          } else {
            queue.add(key, kind === 'add' ? 'normal' : 'low');
            owed.add(key);
          }
          expect(queue.size).toBe([...owed].filter((one) => !working.has(one)).length);
        }
        for (const key of working) queue.done(key);
        working.clear();
        while (queue.size > 0) queue.done(await take().finally(() => working.clear()));
        expect([...owed]).toEqual([]);
      }),
    );
  });

  it('addAfter keeps the earliest', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(50), fc.integer({ min: 1, max: 500 })), {
          minLength: 1,
          maxLength: 12,
        }),
        async (adds) => {
          const { clock, queue } = setUp();
          let expectedMs = Number.POSITIVE_INFINITY;
          for (const [pauseMs, delayMs] of adds) {
            if (clock.nowMs() + pauseMs >= expectedMs) break;
            clock.advance(pauseMs);
            queue.addAfter('a', delayMs);
            expectedMs = Math.min(expectedMs, clock.nowMs() + delayMs);
          }
          expect(clock.pending).toBe(1);
          clock.advance(expectedMs - clock.nowMs() - 0.5);
          expect(queue.size).toBe(0);
          clock.advance(0.5);
          expect(queue.size).toBe(1);
        },
      ),
    );
  });

  it('adds at once for a delay that is not positive', () => {
    const { queue } = setUp();
    queue.addAfter('a', 0);
    queue.addAfter('b', Number.NaN);
    expect(queue.size).toBe(2);
  });

  it('doubles the delay of a failing key from 5 ms to 1000 s, and forget starts over', () => {
    const { clock, queue } = setUp({ perSecond: 1e9 });
    const delays: number[] = [];
    for (let failure = 0; failure < 20; failure++) {
      const before = clock.nowMs();
      queue.addRateLimited('a');
      while (queue.size === 0) clock.advance(2.5);
      delays.push(clock.nowMs() - before);
      void queue.get();
      queue.done('a');
    }
    expect(delays.slice(0, 4)).toEqual([5, 10, 20, 40]);
    expect(delays.at(-1)).toBe(1_000_000);
    queue.forget('a');
    queue.addRateLimited('a');
    clock.advance(5);
    expect(queue.size).toBe(1);
  });

  it('lets all keys share one bucket', () => {
    const { clock, queue } = setUp({ minMs: 1, perSecond: 10, burst: 3 });
    for (let key = 0; key < 23; key++) queue.addRateLimited(`k${key}`);
    clock.advance(2);
    expect(queue.size).toBe(3);
    clock.advance(1_000);
    expect(queue.size).toBe(13);
    clock.advance(1_000);
    expect(queue.size).toBe(23);
  });

  it('hands out low priority only when nothing else waits, and an add at normal lifts it', async () => {
    const { queue } = setUp();
    for (const key of ['low1', 'low2', 'lifted']) queue.add(key, 'low');
    queue.add('normal');
    queue.add('lifted');
    queue.add('normal', 'low');
    const order = [];
    while (queue.size > 0) order.push(await queue.get());
    expect(order).toEqual(['normal', 'lifted', 'low1', 'low2']);
  });

  it('gives a waiting worker the next key', async () => {
    const { queue } = setUp();
    const first = queue.get();
    const second = queue.get();
    queue.add('a');
    queue.add('a');
    queue.add('b');
    expect(await Promise.all([first, second])).toEqual(['a', 'b']);
    expect(queue.size).toBe(0);
  });

  it('stops when what is worked on is done, and takes nothing after that', async () => {
    const { clock, queue } = setUp();
    queue.add('a');
    queue.add('b');
    queue.addAfter('c', 10);
    await queue.get();
    const waiting = queue.get();
    await waiting;
    const idleWorker = queue.get();
    let stopped = false;
    const stopping = queue.stop().then(() => {
      stopped = true;
    });
    expect(await idleWorker).toBeUndefined();
    expect(await queue.get()).toBeUndefined();
    queue.add('d');
    queue.addAfter('e', 5);
    clock.advance(100);
    expect(queue.size).toBe(0);
    queue.done('a');
    queue.done('unknown');
    await Promise.resolve();
    expect(stopped).toBe(false);
    queue.done('b');
    await stopping;
    await queue.stop();
    expect(clock.pending).toBe(0);
  });

  it('reports itself under the names of client-go', async () => {
    const clock = createFakeClock();
    const registry = new Registry();
    const metrics = createKubeMetrics(registry);
    const queue = createWorkQueue({ name: 'test', clock, metrics });
    queue.add('a');
    queue.add('b', 'low');
    clock.advance(2_000);
    await queue.get();
    clock.advance(3_000);
    queue.addRateLimited('c');
    queue.add('d', 'low');
    queue.add('d');
    const text = await registry.metrics();
    const labels = 'name="test",controller="test"';
    expect(text).toContain(`workqueue_depth{${labels},priority="low"} 1`);
    expect(text).toContain(`workqueue_adds_total{${labels}} 3`);
    expect(text).toContain(`workqueue_retries_total{${labels}} 1`);
    expect(text).toContain(`workqueue_queue_duration_seconds_sum{${labels}} 2`);
    expect(text).toContain(`workqueue_unfinished_work_seconds{${labels}} 3`);
    expect(text).toContain(`workqueue_longest_running_processor_seconds{${labels}} 3`);
    queue.done('a');
    expect(await registry.metrics()).toContain(`workqueue_work_duration_seconds_sum{${labels}} 3`);
    await queue.stop();
  });
});
