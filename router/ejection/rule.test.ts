import { expect, test } from 'vitest';
import type { Verdict } from './rule.ts';
import { ejected, type Health, judged, mostOut, newHealth, reasonToEject } from './rule.ts';

const after = (verdicts: readonly Verdict[], from = newHealth(0), nowMs = 0): Health =>
  verdicts.reduce((health, verdict) => judged(health, verdict, nowMs), from);
const many = (count: number, verdict: Verdict): Verdict[] => Array(count).fill(verdict);

test.each<[string, Verdict[], Verdict[], ReturnType<typeof reasonToEject>]>([
  ['nothing is known', [], [], undefined],
  ['two failures in a row', many(2, 'failed'), [], undefined],
  ['three failures in a row', many(3, 'failed'), [], 'consecutive_failures'],
  ['an answer between failures', ['failed', 'failed', 'ok', 'failed'], [], undefined],
  ['a few errors of the engine', many(9, 'error'), [], undefined],
  ['many errors of one engine alone', many(10, 'error'), many(50, 'ok'), 'failure_share'],
  ['as many errors at all others', many(10, 'error'), many(50, 'error'), undefined],
  ['a quarter of the answers bad', [...many(9, 'ok'), ...many(3, 'error')], [], undefined],
  ['half of the answers bad', [...many(6, 'ok'), ...many(6, 'error')], [], 'failure_share'],
])('%s', (_name, verdicts, others, reason) => {
  expect(reasonToEject(after(verdicts), [after(others)])).toBe(reason);
});

test('each ejection is twice as long, up to a minute', () => {
  let health = newHealth(0);
  let nowMs = 0;
  const lengths: number[] = [];
  for (let count = 0; count < 8; count++) {
    health = ejected(health, nowMs);
    lengths.push(health.outUntilMs - nowMs);
    nowMs = health.outUntilMs;
    health = judged(health, 'failed', nowMs);
    expect(reasonToEject(health, [])).toBe('trial_failed');
  }
  expect(lengths).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
});

test('an answer ends the trial; a minute of health forgets the ejections', () => {
  const out = ejected(ejected(newHealth(0), 0), 1_000);
  expect(out).toMatchObject({ onTrial: true, outUntilMs: 3_000 });
  const back = judged(out, 'ok', 3_100);
  expect(back.onTrial).toBe(false);
  expect(ejected(back, 62_000).outUntilMs - 62_000).toBe(4_000);
  expect(ejected(back, 64_000).outUntilMs - 64_000).toBe(1_000);
});

test('what is long ago does not count', () => {
  const before = after(many(100, 'error'));
  const now = after(many(10, 'ok'), before, 120_000);
  expect(reasonToEject(judged(now, 'error', 120_000), [])).toBeUndefined();
});

test.each([
  [0, 0],
  [1, 0],
  [2, 1],
  [3, 1],
  [4, 2],
])('of %i replicas at most %i are out', (replicas, out) => {
  expect(mostOut(replicas)).toBe(out);
});
