import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PriorityQueue } from './queue.ts';

interface Entry {
  priority: number;
  bytes: number;
  at: number;
}

test('the highest priority first, first come first served within it, whatever leaves in between', () => {
  const step = fc.record({
    priority: fc.integer({ min: -2, max: 2 }),
    leaves: fc.option(fc.nat()),
  });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const queue = new PriorityQueue<Entry>();
      const model: Entry[] = [];
      steps.forEach(({ priority, leaves }, at) => {
        const entry = { priority, bytes: at, at };
        queue.add(entry);
        model.push(entry);
        if (leaves === null) return;
        const [gone] = model.splice(leaves % model.length, 1);
        expect(queue.remove(gone!)).toBe(true);
        expect(queue.remove(gone!)).toBe(false);
      });
      model.sort((a, b) => b.priority - a.priority || a.at - b.at);
      expect([...queue]).toEqual(model);
      expect(queue.first).toBe(model[0]);
      expect(queue.length).toBe(model.length);
      expect(queue.bytes).toBe(model.reduce((sum, { bytes }) => sum + bytes, 0));
    }),
  );
});

test('the one that fits goes first, but nobody is passed for ever, and none by a lower priority', () => {
  const step = fc.record({
    priority: fc.integer({ min: 0, max: 1 }),
    fit: fc.nat({ max: 3 }),
    leaves: fc.boolean(),
  });
  const steps = fc.array(step, { minLength: 300, maxLength: 600 });
  const passing = new Map<object, number>();
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 100 }), (all, places) => {
      const queue = new PriorityQueue<Entry & { fit: number }>();
      const go = () => {
        const waiting = [...queue];
        const chosen = queue.choose(places, ({ fit }) => fit)!;
        const before = waiting.slice(0, waiting.indexOf(chosen));
        expect(chosen.priority).toBe(waiting[0]!.priority);
        for (const older of before) {
          expect(older.fit).toBeLessThan(chosen.fit);
          passing.set(older, (passing.get(older) ?? 0) + 1);
          expect(passing.get(older)).toBeLessThanOrEqual(64);
        }
        expect(before.length).toBeLessThan(Math.ceil(32 / places));
        queue.remove(chosen);
      };
      all.forEach(({ priority, fit, leaves }, at) => {
        queue.add({ priority, fit, bytes: 0, at });
        if (leaves) go();
      });
      while (queue.length > 0) go();
    }),
    { numRuns: 30 },
  );
});

test('one that fits worse than all who come is passed by sixty-four of them', () => {
  const queue = new PriorityQueue<Entry>();
  const first = { priority: 0, bytes: 0, at: 0 };
  queue.add(first);
  for (let at = 1; ; at++) {
    queue.add({ priority: 0, bytes: 0, at });
    const chosen = queue.choose(1, (entry) => entry.at)!;
    queue.remove(chosen);
    if (chosen !== first) continue;
    expect(at).toBe(65);
    break;
  }
});
