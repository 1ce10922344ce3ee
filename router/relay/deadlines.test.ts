import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Deadlines } from './deadlines.ts';

beforeEach(
  () => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }),
);
afterEach(() => void vi.useRealTimers());

const create = () => new Deadlines(() => performance.now());

test('all deadlines share one timer, which rests while there are none', () => {
  const deadlines = create();
  expect(vi.getTimerCount()).toBe(0);
  const met: string[] = [];
  deadlines.after(100, () => met.push('a'));
  deadlines.after(5_000, () => met.push('b'));
  deadlines.after(200, () => met.push('c')).cancel();
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(99);
  expect(met).toEqual([]);
  vi.advanceTimersByTime(101);
  expect(met).toEqual(['a']);
  vi.advanceTimersByTime(6_000);
  expect(met).toEqual(['a', 'b']);
  expect(vi.getTimerCount()).toBe(0);
  deadlines.after(100, () => met.push('d'));
  vi.advanceTimersByTime(200);
  expect(met).toEqual(['a', 'b', 'd']);
});

test('a deadline of 0 is none', () => {
  create().after(0, () => expect.fail());
  expect(vi.getTimerCount()).toBe(0);
});

test('silence is counted from the last sound', () => {
  const deadlines = create();
  let silent = 0;
  const { heard } = deadlines.silence(1_000, () => silent++);
  for (let count = 0; count < 10; count++) {
    vi.advanceTimersByTime(900);
    heard();
  }
  expect(silent).toBe(0);
  vi.advanceTimersByTime(999);
  expect(silent).toBe(0);
  vi.advanceTimersByTime(151);
  expect(silent).toBe(1);
  expect(deadlines.size).toBe(0);
});

test('nobody waits for a silence that was cancelled', () => {
  const deadlines = create();
  const silence = deadlines.silence(1_000, () => expect.fail());
  vi.advanceTimersByTime(500);
  silence.heard();
  vi.advanceTimersByTime(800);
  silence.cancel();
  vi.advanceTimersByTime(5_000);
  expect(deadlines.size).toBe(0);
});
