import { expect, test } from 'vitest';
import { TokenRatios } from './token-ratio.ts';

test('begins with four bytes a token and learns each model’s own', () => {
  const ratios = new TokenRatios();
  expect(ratios.estimate('m', 4_000)).toBe(1_000);
  for (let request = 0; request < 200; request++) ratios.learn('m', 3_000, 1_500);
  expect(ratios.estimate('m', 4_000)).toBeCloseTo(2_000);
  expect(ratios.estimate('other', 4_000)).toBe(1_000);
});

test('an answer without usage teaches nothing, and no prompt has less than one token', () => {
  const ratios = new TokenRatios();
  ratios.learn('m', 0, 5);
  ratios.learn('m', 100, 0);
  expect(ratios.estimate('m', 400)).toBe(100);
  expect(ratios.estimate('m', 0)).toBe(1);
});
