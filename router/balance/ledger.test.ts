import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Ledger, type Slot } from './ledger.ts';

test('a slot given back twice counts once', () => {
  const ledger = new Ledger();
  const slot = ledger.acquire('a');
  ledger.acquire('a');
  slot.release();
  slot.release();
  expect(ledger.inFlight('a')).toBe(1);
  expect(ledger.total).toBe(1);
});

test('after any course the counts are those of the slots still held, and zero at the end', () => {
  const step = fc.record({ replica: fc.constantFrom('a', 'b', 'c'), release: fc.option(fc.nat()) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const ledger = new Ledger();
      const held = new Map<Slot, string>();
      const taken: Slot[] = [];
      for (const { replica, release } of steps) {
        if (release === null) {
          const slot = ledger.acquire(replica);
          held.set(slot, replica);
          taken.push(slot);
        } else {
          const slot = taken[release % Math.max(1, taken.length)];
          slot?.release();
          if (slot) held.delete(slot);
        }
        for (const id of ['a', 'b', 'c']) {
          expect(ledger.inFlight(id)).toBe([...held.values()].filter((at) => at === id).length);
        }
        expect(ledger.total).toBe(held.size);
      }
      for (const slot of taken) slot.release();
      expect(ledger.total).toBe(0);
    }),
  );
});
