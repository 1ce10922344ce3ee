import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DeadlineWheel } from './deadline-wheel.ts';

test('a deadline is met once, never early and at the first look after its tick', () => {
  const wheel = new DeadlineWheel(1000, 50, 8);
  const met: string[] = [];
  wheel.add(1120, () => met.push('a'));
  wheel.advance(1120);
  expect(met).toEqual([]);
  wheel.advance(1149);
  expect(met).toEqual([]);
  wheel.advance(1150);
  wheel.advance(1200);
  expect(met).toEqual(['a']);
  expect(wheel.size).toBe(0);
});

test('what happens may cancel others that are due and add new ones', () => {
  const wheel = new DeadlineWheel(0, 50, 8);
  const met: string[] = [];
  const other = wheel.add(160, () => met.push('cancelled'));
  wheel.add(60, () => {
    met.push('first');
    other.cancel();
    wheel.add(0, () => met.push('added'));
  });
  wheel.advance(1000);
  wheel.advance(1050);
  expect(met).toEqual(['first', 'added']);
});

const steps = fc.array(
  fc.record({
    does: fc.constantFrom('add', 'cancel', 'advance'),
    ms: fc.integer({ min: -100, max: 30_000 }),
    which: fc.nat(),
  }),
  { maxLength: 200 },
);

test('any number of deadlines is met as a sorted list would', () => {
  fc.assert(
    fc.property(steps, fc.nat(1_000_000), (commands, startMs) => {
      let nowMs = startMs;
      const wheel = new DeadlineWheel(startMs, 50, 16);
      const open = new Map<number, { dueMs: number; cancel: () => void }>();
      let made = 0;
      for (const { does, ms, which } of commands) {
        if (does === 'add') {
          const id = made++;
          const dueMs = nowMs + ms;
          const { cancel } = wheel.add(dueMs, () => {
            expect(nowMs).toBeGreaterThanOrEqual(dueMs);
            expect(open.delete(id)).toBe(true);
          });
          open.set(id, { dueMs: Math.max(dueMs, nowMs), cancel });
        } else if (does === 'cancel') {
          const id = [...open.keys()][which % Math.max(1, open.size)] ?? -1;
          open.get(id)?.cancel();
          open.delete(id);
        } else {
          nowMs += Math.abs(ms);
          wheel.advance(nowMs);
          for (const { dueMs } of open.values()) expect(dueMs).toBeGreaterThan(nowMs - 2 * 50);
        }
        expect(wheel.size).toBe(open.size);
      }
      nowMs += 60_000;
      wheel.advance(nowMs);
      expect(open.size).toBe(0);
    }),
  );
});
