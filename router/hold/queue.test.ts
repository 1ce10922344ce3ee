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
