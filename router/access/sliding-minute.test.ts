import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SlidingMinute } from './sliding-minute.ts';

test('what was used counts for a minute, and at most a second longer', () => {
  const minute = new SlidingMinute();
  minute.add(500, 3);
  expect(minute.sum(60_499)).toBe(3);
  expect(minute.sum(61_000)).toBe(0);
});

test('a long silence empties it', () => {
  const minute = new SlidingMinute();
  for (let second = 0; second < 200; second++) minute.add(second * 1_000, 1);
  expect(minute.sum(199_999)).toBe(61);
  expect(minute.sum(10_000_000)).toBe(0);
});

test('the wait ends when enough of the oldest is out', () => {
  const minute = new SlidingMinute();
  minute.add(0, 2);
  minute.add(10_000, 5);
  expect(minute.waitMs(10_000, 7)).toBe(0);
  expect(minute.waitMs(10_000, 5)).toBe(51_000);
  expect(minute.waitMs(10_000, 4)).toBe(61_000);
  expect(minute.waitMs(10_000, 0)).toBe(61_000);
});

const uses = fc.array(
  fc.record({ pauseMs: fc.nat(40_000), amount: fc.integer({ min: 1, max: 5 }) }),
  {
    minLength: 1,
    maxLength: 60,
  },
);

test('no minute ever holds more than was let in', () => {
  fc.assert(
    fc.property(uses, fc.integer({ min: 5, max: 20 }), (steps, limit) => {
      const minute = new SlidingMinute();
      const letIn: { atMs: number; amount: number }[] = [];
      let nowMs = 0;
      for (const { pauseMs, amount } of steps) {
        nowMs += pauseMs;
        if (minute.sum(nowMs) + amount > limit) continue;
        minute.add(nowMs, amount);
        letIn.push({ atMs: nowMs, amount });
        const inMinute = letIn.filter(({ atMs }) => atMs > nowMs - 60_000);
        expect(inMinute.reduce((sum, use) => sum + use.amount, 0)).toBeLessThanOrEqual(limit);
      }
    }),
  );
});

test('after the wait there is room, and not before it', () => {
  fc.assert(
    fc.property(uses, fc.nat(20), (steps, most) => {
      const minute = new SlidingMinute();
      let nowMs = 0;
      for (const { pauseMs, amount } of steps) {
        nowMs += pauseMs;
        minute.add(nowMs, amount);
      }
      const waitMs = minute.waitMs(nowMs, most);
      if (waitMs > 0) expect(minute.sum(nowMs + waitMs - 1)).toBeGreaterThan(most);
      expect(minute.sum(nowMs + waitMs)).toBeLessThanOrEqual(most);
    }),
  );
});
