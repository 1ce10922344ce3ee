import { expect, test } from 'vitest';
import { noAnswers, type RevisionDemand } from '../../protocol/demand.ts';
import { createTallies } from './tallies.ts';
import { leastShare, meanOf } from './tally.ts';

const model = { namespace: 'n', name: 'm' };
const revisions = { canary: 'new', stable: 'old' };
const said = (revision: string, requests: number, failures = 0): RevisionDemand => ({
  ...{ ...noAnswers, ...model, revision, requests, failures },
});

test('what all routers say is added up, each step from its own beginning', () => {
  const tallies = createTallies();
  tallies.heard('r1', [said('new', 5)]);
  const now = () => {
    const { canary, stable } = tallies.of(model, 'one', revisions);
    return [canary.requests, canary.failures, stable.requests];
  };
  expect(now()).toEqual([0, 0, 0]);
  tallies.heard('r1', [said('new', 7, 1), said('old', 20)]);
  tallies.heard('r2', [said('new', 3)]);
  expect(now()).toEqual([5, 1, 20]);
  expect(tallies.of(model, 'two', revisions).canary.requests).toBe(0);
});

test('a router that begins anew takes nothing away, and one that repeats itself adds nothing', () => {
  const tallies = createTallies();
  tallies.of(model, 'one', revisions);
  tallies.heard('r1', [said('new', 7)]);
  tallies.heard('r1', [said('new', 7)]);
  tallies.heard('r1', [said('new', 2)]);
  expect(tallies.of(model, 'one', revisions).canary.requests).toBe(9);
});

test('what is forgotten begins anew', () => {
  const tallies = createTallies();
  tallies.of(model, 'one', revisions);
  tallies.heard('r1', [said('new', 7)]);
  tallies.forget('n/m');
  expect(tallies.of(model, 'one', revisions).canary.requests).toBe(0);
});

test.each([
  [0, 0, 0],
  [0, 100, 0],
  [3, 3, 0.43],
  [50, 100, 0.4],
  [500, 1000, 0.468],
])('%i failures of %i are a share of at least %f', (failures, requests, share) => {
  expect(leastShare(failures, requests)).toBeCloseTo(share, 2);
});

test('a mean of few says nothing; of many it says how sure it is', () => {
  expect(meanOf(4, 40, 400)).toBeUndefined();
  expect(meanOf(5, 50, 500)).toEqual({ mean: 10, error: 0 });
  const { mean, error } = meanOf(100, 1_000, 20_000) ?? { mean: 0, error: 0 };
  expect([mean, error]).toEqual([10, expect.closeTo(1.005, 2)]);
});
