import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Replica } from '../modeldeployment/replica.ts';
import { nowMs, replica } from '../testing/fixtures.ts';
import { carriedOut, planInput, shown } from '../testing/plans.ts';
import { type CanaryPlanInput, planCanary, sharesOf } from './plan.ts';

const old = (slot: number, rest = {}) => replica(slot, { revision: 'old', ...rest });
const input = (
  replicas: number,
  present: readonly Replica[],
  weight: number,
  rest: Partial<CanaryPlanInput> = {},
): CanaryPlanInput => ({ ...planInput(replicas, present), stable: 'old', weight, ...rest });
const limits = planInput(1, []).rollout;
const surge = { rollout: { ...limits, maxSurge: 1 } };

test.each([
  [4, 10, 0, 1, 3],
  [4, 50, 0, 2, 2],
  [4, 99, 0, 3, 1],
  [4, 10, 1, 1, 4],
  [4, 50, 1, 2, 2],
  [4, 60, 1, 3, 2],
  [10, 1, 1, 1, 10],
  [1, 50, 0, 1, 1],
  [1, 5, 1, 1, 1],
  [0, 50, 1, 0, 0],
])(
  '%i replicas, weight %i, surge %i: %i canaries, %i stable',
  (replicas, weight, maxSurge, canary, stable) => {
    expect(sharesOf(replicas, weight, maxSurge)).toEqual({ canary, stable });
  },
);

test('both sides have replicas for their requests, and there is at most one more than asked for', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 1, max: 99 }),
      fc.nat(1),
      (replicas, weight, maxSurge) => {
        const { canary, stable } = sharesOf(replicas, weight, maxSurge);
        expect(canary).toBeGreaterThanOrEqual(1);
        expect(stable).toBeGreaterThanOrEqual(1);
        expect(canary + stable).toBeLessThanOrEqual(Math.max(2, replicas + maxSurge));
        expect(canary + stable).toBeGreaterThanOrEqual(replicas);
      },
    ),
  );
});

test('with a surge the canary comes first, and a stable replica goes when it serves', () => {
  const before = [old(0), old(1)];
  expect(shown(planCanary(input(2, before, 50, surge)))).toEqual(['+skiff-new-2']);
  const coming = [...before, replica(2, { ready: false, scheduled: false })];
  expect(shown(planCanary(input(2, coming, 50, surge)))).toEqual([]);
  expect(shown(planCanary(input(2, [...before, replica(2)], 50, surge)))).toEqual([
    '~skiff-old-1 Surplus',
  ]);
});

test('in place a stable replica makes room first', () => {
  const before = [old(0), old(1)];
  expect(shown(planCanary(input(2, before, 10)))).toEqual(['~skiff-old-1 Surplus']);
  const leaving = [old(0), old(1, { state: 'terminating', ready: false })];
  expect(shown(planCanary(input(2, leaving, 10)))).toEqual([]);
  expect(shown(planCanary(input(2, [old(0)], 10)))).toEqual(['+skiff-new-1']);
});

test('what is of neither revision goes before a canary is made in its place', () => {
  const present = [old(0), old(1), replica(2, { revision: 'older' })];
  expect(shown(planCanary(input(2, present, 50, surge)))).toEqual(['~skiff-older-2 Surplus']);
});

test('a dead canary is made again', () => {
  const present = [old(0), old(1), replica(3, { state: 'dead' })];
  expect(shown(planCanary(input(2, present, 50, surge)))).toEqual([
    '-skiff-new-3 Dead',
    '+skiff-new-2 attempt 1',
  ]);
});

/** Lets every pod come and go as planned, until nothing is planned any more. */
function settle(begin: CanaryPlanInput): { present: Replica[]; fewest: number; most: number } {
  let present = [...begin.present];
  let fewest = Number.POSITIVE_INFINITY;
  let most = 0;
  for (let round = 0; round < 100; round++) {
    const serving = present.filter(({ state, ready }) => state === 'live' && ready).length;
    fewest = Math.min(fewest, serving);
    const there = present.filter(({ state }) => state !== 'dead').length;
    most = Math.max(most, there);
    const made = planCanary({ ...begin, present });
    if (shown(made).length === 0 && present.every((one) => one.ready && one.state === 'live'))
      return { present, fewest, most };
    present = carriedOut(present, made, nowMs)
      .filter(({ state }) => state !== 'terminating' && state !== 'draining')
      .map((one) => ({ ...one, ready: true, scheduled: true }));
  }
  throw new Error(`it does not settle: ${present.map(({ name, state }) => `${name} ${state}`)}`);
}

test('it arrives at its shares, never short of what may be missing nor above what may be more', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 99 }),
      fc.nat(1),
      fc.nat(8),
      (replicas, weight, maxSurge, canaries) => {
        const present = [
          ...Array.from({ length: replicas }, (_, slot) => old(slot)),
          ...Array.from({ length: Math.min(canaries, maxSurge) }, (_, at) =>
            replica(replicas + at),
          ),
        ];
        const rollout = { ...limits, maxSurge };
        const {
          present: after,
          fewest,
          most,
        } = settle(input(replicas, present, weight, { rollout }));
        const of = (revision: string) => after.filter((one) => one.revision === revision).length;
        const shares = sharesOf(replicas, weight, maxSurge);
        expect({ canary: of('new'), stable: of('old') }).toEqual(shares);
        const isSurged = maxSurge > 0 || replicas === 1;
        expect(fewest).toBeGreaterThanOrEqual(isSurged ? replicas : replicas - 1);
        expect(most).toBeLessThanOrEqual(replicas + (isSurged ? 1 : 0));
      },
    ),
  );
});
