import { expect, test, vi } from 'vitest';
import { type Case, runCase } from './cases.ts';
import { referenceModel } from './replica.ts';
import { own } from './rules/all.ts';
import type { Summary } from './summary.ts';

// Virtual time and fixed seeds: the same figures on any machine; only the wait for them differs.
vi.setConfig({ testTimeout: 120_000 });

const names = [own, 'least in flight', 'KubeAI CHWBL'];
const { kvTokens } = referenceModel;
const run = (
  workload: Case['workload'],
  rate: number,
  forS: number,
  routers = 1,
  isShared = true,
) => {
  const one: Case = { workload, rate, forS, routers, isShared, replicas: 4, kvTokens };
  const { summaries } = runCase(one, [1], undefined, names);
  const [ours, load, hashing] = names.map((name) => summaries[name] as Summary);
  return { ours, load, hashing } as { ours: Summary; load: Summary; hashing: Summary };
};

const business = (routers: number): Case => ({
  ...{ workload: 'business', rate: 12, forS: 60, routers, replicas: 8, kvTokens },
});

test.each([
  ['business', 5, 30],
  ['chat', 3, 40],
  ['agents', 0.5, 40],
  ['mixed', 5, 30],
] as const)(
  'where prompts are shared (%s) the first token comes much sooner',
  (kind, rate, forS) => {
    const { ours, load } = run(kind, rate, forS);
    expect(ours.ttftMeanS).toBeLessThan(0.8 * load.ttftMeanS);
    expect(ours.ttftP99S).toBeLessThan(load.ttftP99S);
    expect(ours.hit).toBeGreaterThan(1.15 * load.hit);
  },
);

test.each([
  ['short', 40, 15],
  ['hot', 15, 20],
] as const)('where there is nothing to win (%s) nothing is lost', (kind, rate, forS) => {
  const { ours, load } = run(kind, rate, forS);
  expect(ours.ttftMeanS).toBeLessThan(1.05 * load.ttftMeanS);
  expect(ours.ttftP99S).toBeLessThan(1.1 * load.ttftP99S);
});

test('four routers that share nothing still find most of what is cached', () => {
  const { ours: alone } = run('chat', 3, 40);
  const { ours, load } = run('chat', 3, 40, 4, false);
  expect(ours.hit).toBeGreaterThan(0.8 * alone.hit);
  expect(ours.ttftMeanS).toBeLessThan(0.8 * load.ttftMeanS);
});

test('four routers that tell each other what they do find what one finds', () => {
  const { ours: alone } = run('chat', 3, 40);
  const { ours } = run('chat', 3, 40, 4);
  expect(ours.hit).toBeGreaterThan(0.98 * alone.hit);
  expect(ours.ttftMeanS).toBeLessThan(1.1 * alone.ttftMeanS);
});

test('four routers that tell each other keep what one finds where memory is scarce', () => {
  const runs = [1, 4].map((routers) => runCase(business(routers), [1, 2], undefined, [own]));
  const [alone, together] = runs.map(({ summaries }) => summaries[own] as Summary);
  expect(together?.hit).toBeGreaterThan(0.98 * (alone?.hit ?? 1));
});

test('a run can be repeated', () => {
  expect(run('mixed', 3, 10)).toEqual(run('mixed', 3, 10));
});
