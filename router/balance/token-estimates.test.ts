import { expect, test } from 'vitest';
import { TokenEstimates } from './token-estimates.ts';

test('begins with four bytes a token and learns each model’s own', () => {
  const estimates = new TokenEstimates();
  expect(estimates.prompt('m', 4_000)).toBe(1_000);
  expect(estimates.answer('m')).toBe(200);
  for (let request = 0; request < 200; request++) {
    estimates.learn('m', 3_000, { inputTokens: 1_500, outputTokens: 50 });
  }
  expect(estimates.prompt('m', 4_000)).toBe(2_000);
  expect(estimates.answer('m')).toBe(50);
  expect(estimates.prompt('other', 4_000)).toBe(1_000);
});

test('an answer without usage teaches nothing, and no prompt has less than one token', () => {
  const estimates = new TokenEstimates();
  estimates.learn('m', 0, { inputTokens: 5 });
  estimates.learn('m', 100, {});
  expect(estimates.prompt('m', 400)).toBe(100);
  expect(estimates.answer('m')).toBe(200);
  expect(estimates.prompt('m', 0)).toBe(1);
});
