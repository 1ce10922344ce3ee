import { describe, expect, test } from 'vitest';
import { nowMs, replica } from '../testing/fixtures.ts';
import { planInput as input, shown } from '../testing/plans.ts';
import { backoffMs, plan } from './plan.ts';
import type { Replica } from './replica.ts';

const old = { revision: 'old' };
const starting = { ready: false };
const waiting = { ready: false, scheduled: false };
const crashed = { ready: false, problem: { reason: 'EngineCrashed', message: 'ended' } } as const;
const noRoom = { ...waiting, problem: { reason: 'Unschedulable', message: 'full' } } as const;
const dead = { state: 'dead' } as const;
const draining = { state: 'draining' } as const;
const terminating = { state: 'terminating' } as const;
const { rollout } = input(1, []);
const surge = { rollout: { ...rollout, maxSurge: 1 } };
const busy = { demand: { inFlight: () => 1, isDrained: () => false } };

describe('scaling', () => {
  test.each<[string, number, Replica[], string[]]>([
    ['nothing there', 2, [], ['+skiff-new-0', '+skiff-new-1']],
    ['as wanted', 2, [replica(0), replica(1, starting)], []],
    ['none wanted', 0, [replica(0)], ['~skiff-new-0 Surplus']],
    ['one too few', 2, [replica(1)], ['+skiff-new-0']],
    ['without node first', 1, [replica(0, waiting), replica(1)], ['-skiff-new-0 Surplus']],
    ['not ready next', 1, [replica(0, starting), replica(1)], ['-skiff-new-0 Surplus']],
    ['old revision next', 1, [replica(1), replica(0, old)], ['~skiff-old-0 Surplus']],
    ['highest slot last', 1, [replica(0), replica(1)], ['~skiff-new-1 Surplus']],
    ['drained', 1, [replica(0), replica(1, draining)], ['-skiff-new-1 Surplus']],
    ['wanted again', 2, [replica(0), replica(1, draining)], ['=skiff-new-1']],
    [
      'wanted again, and its engine is gone',
      2,
      [replica(0), replica(1, { ...draining, ...starting })],
      ['-skiff-new-1 Surplus', '+skiff-new-2'],
    ],
    ['someone deleted a pod', 1, [replica(0, terminating)], ['+skiff-new-1']],
  ])('%s', (_case, replicas, present, actions) => {
    expect(shown(plan(input(replicas, present)))).toEqual(actions);
  });

  test.each<[string, Partial<Replica>[]]>([
    ['on the node with the most replicas', [{ node: 'b', createdAtMs: nowMs + 1 }, {}, {}]],
    ['the newest', [{ createdAtMs: nowMs - 2 }, { createdAtMs: nowMs - 1 }]],
  ])('of those with as many in flight, the one %s', (_case, rest) => {
    const present = rest.map((one, slot) => replica(slot, one));
    const last = `~skiff-new-${rest.length - 1} Surplus`;
    expect(shown(plan(input(rest.length - 1, present)))).toEqual([last]);
    const reversed = rest.toReversed().map((one, slot) => replica(slot, one));
    const first = rest.length === 3 ? '~skiff-new-1 Surplus' : '~skiff-new-0 Surplus';
    expect(shown(plan(input(rest.length - 1, reversed)))).toEqual([first]);
  });

  test('before the highest slot, the one with the fewest in flight', () => {
    const inFlight = (uid: string) => (uid === 'uid-new-0' ? 1 : 2);
    const demand = { inFlight, isDrained: () => false };
    expect(shown(plan(input(1, [replica(0), replica(1)], { demand })))).toEqual([
      '~skiff-new-0 Surplus',
    ]);
  });

  test('slots of another object’s pods are left alone', () => {
    const planned = plan(input(2, [], { takenSlots: new Set([0, 2]) }));
    expect(shown(planned)).toEqual(['+skiff-new-1', '+skiff-new-3']);
  });

  test('requests in flight hold a draining pod until the drain timeout', () => {
    const present = [replica(0), replica(1, draining)];
    expect(plan(input(1, present, busy))).toMatchObject({ deletes: [], againAfterMs: 1_000 });
    const later = { ...busy, nowMs: nowMs + rollout.drainTimeoutMs };
    expect(shown(plan(input(1, present, later)))).toEqual(['-skiff-new-1 Surplus cut off']);
  });
});

describe('death', () => {
  test('is answered in another slot at once, and after a growing pause when it happens again', () => {
    expect(shown(plan(input(1, [replica(0, dead)])))).toEqual([
      '-skiff-new-0 Dead',
      '+skiff-new-1 attempt 1',
    ]);
    expect(shown(plan(input(0, [replica(0, dead)])))).toEqual(['-skiff-new-0 Dead']);
    const third = replica(0, { ...dead, attempt: 2, sinceMs: nowMs - 15_000 });
    expect(plan(input(1, [third]))).toMatchObject({
      deletes: [],
      creates: [],
      againAfterMs: 5_000,
    });
    expect(shown(plan(input(1, [third], { nowMs: nowMs + 5_000 })))).toEqual([
      '-skiff-new-0 Dead',
      '+skiff-new-1 attempt 3',
    ]);
    expect([0, 1, 2, 3, 20].map(backoffMs)).toEqual([0, 10_000, 20_000, 40_000, 300_000]);
  });

  test('of a pod of an old revision does not delay the new one', () => {
    const third = replica(0, { ...dead, ...old, attempt: 2 });
    expect(shown(plan(input(1, [third])))).toEqual(['-skiff-old-0 Dead', '+skiff-new-1']);
  });
});

describe('a rollout without surge', () => {
  test.each<[string, number, Replica[], string[]]>([
    ['one at a time', 2, [replica(0, old), replica(1, old)], ['~skiff-old-1 OldRevision']],
    [
      'drained',
      2,
      [replica(0, old), replica(1, { ...old, ...draining })],
      ['-skiff-old-1 OldRevision'],
    ],
    [
      'its place stays its own until it is gone',
      2,
      [replica(0, old), replica(1, { ...old, ...terminating })],
      [],
    ],
    ['then it is filled', 2, [replica(0, old)], ['+skiff-new-1']],
    ['waits for the new one', 2, [replica(0, old), replica(1, starting)], []],
    ['goes on', 2, [replica(0, old), replica(1)], ['~skiff-old-0 OldRevision']],
    [
      'what does not serve goes at once',
      3,
      [replica(0, { ...old, ...starting }), replica(1, { ...old, ...waiting }), replica(2, old)],
      ['-skiff-old-1 OldRevision', '-skiff-old-0 OldRevision'],
    ],
    ['of a single replica', 1, [replica(0, old)], ['~skiff-old-0 OldRevision']],
    [
      'revert: the half-made new pod goes, nothing else',
      2,
      [replica(0), replica(1, { ...old, ...crashed })],
      ['-skiff-old-1 OldRevision'],
    ],
    ['revert: one that drains comes back', 1, [replica(0, draining)], ['=skiff-new-0']],
    ['scaled up meanwhile', 3, [replica(0, old), replica(1, old)], ['+skiff-new-2']],
  ])('%s', (_case, replicas, present, actions) => {
    expect(shown(plan(input(replicas, present)))).toEqual(actions);
  });

  test('as many at a time as maxUnavailable says', () => {
    const present = [replica(0, old), replica(1, old), replica(2, old)];
    const two = { rollout: { ...rollout, maxUnavailable: 2 } };
    expect(shown(plan(input(3, present, two)))).toEqual([
      '~skiff-old-2 OldRevision',
      '~skiff-old-1 OldRevision',
    ]);
  });

  test('an old pod that does not go, on a lost node, holds its place for 30 s only', () => {
    const lost = replica(0, { ...old, ...terminating, sinceMs: nowMs - 20_000 });
    expect(plan(input(1, [lost]))).toMatchObject({ creates: [], againAfterMs: 10_000 });
    expect(shown(plan(input(1, [lost], { nowMs: nowMs + 10_000 })))).toEqual(['+skiff-new-1']);
  });
});

describe('a rollout with surge', () => {
  test.each<[string, number, Replica[], string[]]>([
    ['the successor comes first', 1, [replica(0, old)], ['+skiff-new-1']],
    ['then the old one goes', 1, [replica(0, old), replica(1)], ['~skiff-old-0 OldRevision']],
    ['there is one extra at most', 2, [replica(0, old), replica(1, old), replica(2, starting)], []],
    [
      'a draining pod counts as the extra one',
      2,
      [replica(0, old), replica(1, { ...old, ...draining, ...starting }), replica(2)],
      ['-skiff-old-1 OldRevision'],
    ],
    [
      'no room for it: in place',
      1,
      [replica(0, old), replica(1, noRoom)],
      ['~skiff-old-0 OldRevision'],
    ],
    ['done', 2, [replica(1), replica(2)], []],
  ])('%s', (_case, replicas, present, actions) => {
    expect(shown(plan(input(replicas, present, surge)))).toEqual(actions);
  });

  test('without a replica that may be missing, a lack of room waits', () => {
    const strict = { rollout: { ...surge.rollout, maxUnavailable: 0 } };
    expect(shown(plan(input(1, [replica(0, old), replica(1, noRoom)], strict)))).toEqual([]);
  });
});

describe('a rollout in trouble', () => {
  const broken = replica(2, crashed);
  test.each<[string, number, Replica[], string[]]>([
    ['takes nothing more away', 3, [replica(0, old), replica(1, old), broken], []],
    [
      'leaves even old pods that do not serve, for they may come back',
      3,
      [replica(0, old), replica(1, { ...old, ...starting }), broken],
      [],
    ],
    [
      'makes what died of the old revision again',
      3,
      [replica(0, old), replica(1, { ...old, ...dead }), broken],
      ['-skiff-old-1 Dead', '+skiff-old-3 attempt 1'],
    ],
    ['grows by the old revision', 3, [replica(0, old), broken], ['+skiff-old-1']],
  ])('%s', (_case, replicas, present, actions) => {
    const many = { rollout: { ...rollout, maxUnavailable: 3 } };
    expect(shown(plan(input(replicas, present, many)))).toEqual(actions);
  });

  test('is one that takes longer than startTimeout, too', () => {
    const present = [replica(0, old), replica(1, old), replica(2, starting)];
    const many = { rollout: { ...rollout, maxUnavailable: 2 } };
    expect(shown(plan(input(3, present, many)))).toEqual(['~skiff-old-1 OldRevision']);
    expect(shown(plan(input(3, present, { ...many, nowMs: nowMs + 3_600_000 })))).toEqual([]);
  });
});
