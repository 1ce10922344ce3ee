import { expect, test } from 'vitest';
import { fuzz } from './run.ts';

test('mutated requests and replies break no rule (the long form: make fuzz)', async () => {
  const report = await fuzz(1, 5_000, () => {});
  expect(report.violations).toEqual([]);
  expect(report.cases).toBe(5_000);
  // The cases mean something only while a good part of them is well-formed enough to be answered.
  expect(report.reached).toBeGreaterThan(1_000);
  expect(report.statuses['200']).toBeGreaterThan(500);
  expect(report.statuses['400']).toBeGreaterThan(500);
}, 300_000);
