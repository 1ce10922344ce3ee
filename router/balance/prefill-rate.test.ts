import { expect, test } from 'vitest';
import { PrefillRate } from './prefill-rate.ts';

test('is nothing at first, then what was seen, the latest most', () => {
  const rate = new PrefillRate();
  expect(rate.tokensPerMs).toBe(0);
  rate.learn(500, 100);
  expect(rate.tokensPerMs).toBe(5);
  for (let seen = 0; seen < 100; seen++) rate.learn(1_000, 100);
  expect(rate.tokensPerMs).toBeCloseTo(10, 1);
});

test('prompts that end in one step count together', () => {
  const rate = new PrefillRate();
  rate.learn(300, 100);
  rate.learn(700, 0);
  expect(rate.tokensPerMs).toBeCloseTo(10, 0);
});
