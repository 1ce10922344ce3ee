import { expect, test } from 'vitest';
import { durationMs } from './duration.ts';

test.each([
  ['0s', 0],
  ['250ms', 250],
  ['5s', 5_000],
  ['1m30s', 90_000],
  ['1h', 3_600_000],
  ['1h2m3s4ms', 3_723_004],
])('%s is %i ms', (text, ms) => {
  expect(durationMs(text)).toBe(ms);
});
