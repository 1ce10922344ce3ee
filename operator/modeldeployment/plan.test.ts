import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nowMs, replica } from '../testing/fixtures.ts';
import { backoffMs, type Plan, type PlanInput, plan } from './plan.ts';
import type { Replica } from './replica.ts';

const input = (replicas: number, present: Replica[], rest: Partial<PlanInput> = {}): PlanInput => ({
  replicas,
  revision: 'new',
  present,
  takenSlots: new Set(),
  nowMs,
  ...rest,
});

/** What a plan does, in short: `-name cause` and `+slot`. */
const shown = ({ deletes, creates }: Plan) => [
  ...deletes.map(({ replica: { name }, cause }) => `-${name} ${cause}`),
  ...creates.map(({ slot, attempt }) => `+${slot}${attempt ? ` attempt ${attempt}` : ''}`),
];

const old = { revision: 'old' };
const starting = { ready: false };
const waiting = { ready: false, scheduled: false };
const dead = { state: 'dead' } as const;
const terminating = { state: 'terminating' } as const;

describe('what is planned', () => {
  test.each<[string, number, Replica[], string[]]>([
    ['nothing there', 2, [], ['+0', '+1']],
    ['as wanted', 2, [replica(0), replica(1, starting)], []],
    ['none wanted', 0, [replica(0)], ['-skiff-new-0 Surplus']],
    ['one too few', 2, [replica(1)], ['+0']],
    [
      'one too many: without node first',
      1,
      [replica(0, waiting), replica(1)],
      ['-skiff-new-0 Surplus'],
    ],
    [
      'one too many: not ready next',
      1,
      [replica(0, starting), replica(1)],
      ['-skiff-new-0 Surplus'],
    ],
    ['one too many: old revision next', 1, [replica(1), replica(0, old)], ['-skiff-old-0 Surplus']],
    ['one too many: highest slot last', 1, [replica(0), replica(1)], ['-skiff-new-1 Surplus']],
    [
      'a dead pod is replaced in another slot',
      1,
      [replica(0, dead)],
      ['-skiff-new-0 Dead', '+1 attempt 1'],
    ],
    ['a dead pod that is surplus', 0, [replica(0, dead)], ['-skiff-new-0 Dead']],
    ['someone deleted a pod', 1, [replica(0, terminating)], ['+1']],
    [
      'rollout: one ready old pod at a time',
      2,
      [replica(0, old), replica(1, old)],
      ['-skiff-old-1 OldRevision'],
    ],
    [
      'rollout: its place stays its own until it is gone',
      2,
      [replica(0, old), replica(1, { ...old, ...terminating })],
      [],
    ],
    ['rollout: then it is filled', 2, [replica(0, old)], ['+1']],
    ['rollout: waits for the new one', 2, [replica(0, old), replica(1, starting)], []],
    ['rollout: goes on', 2, [replica(0, old), replica(1)], ['-skiff-old-0 OldRevision']],
    [
      'rollout: what does not serve goes at once',
      3,
      [replica(0, { ...old, ...starting }), replica(1, { ...old, ...waiting }), replica(2, old)],
      ['-skiff-old-1 OldRevision', '-skiff-old-0 OldRevision'],
    ],
    ['rollout of a single replica', 1, [replica(0, old)], ['-skiff-old-0 OldRevision']],
    [
      'revert: the half-made new pod goes, nothing else',
      2,
      [replica(0), replica(1, { ...old, ...starting })],
      ['-skiff-old-1 OldRevision'],
    ],
    ['scaled up during a rollout', 3, [replica(0, old), replica(1, old)], ['+2']],
  ])('%s', (_case, replicas, present, actions) => {
    expect(shown(plan(input(replicas, present)))).toEqual(actions);
  });

  test('slots of another object’s pods are left alone', () => {
    expect(shown(plan(input(2, [], { takenSlots: new Set([0, 2]) })))).toEqual(['+1', '+3']);
  });

  test('a pod that keeps dying is replaced after a growing pause', () => {
    const third = replica(0, { ...dead, attempt: 2, endAtMs: nowMs - 15_000 });
    expect(plan(input(1, [third]))).toEqual({ deletes: [], creates: [], againAfterMs: 5_000 });
    expect(shown(plan(input(1, [third], { nowMs: nowMs + 5_000 })))).toEqual([
      '-skiff-new-0 Dead',
      '+1 attempt 3',
    ]);
    expect([0, 1, 2, 3, 20].map(backoffMs)).toEqual([0, 10_000, 20_000, 40_000, 300_000]);
  });

  test('an old pod that does not go, on a lost node, holds its place for 30 s only', () => {
    const lost = replica(0, { ...old, ...terminating, endAtMs: nowMs - 20_000 });
    expect(plan(input(1, [lost]))).toEqual({ deletes: [], creates: [], againAfterMs: 10_000 });
    expect(shown(plan(input(1, [lost], { nowMs: nowMs + 10_000 })))).toEqual(['+1']);
  });
});

const anyReplica = fc
  .record({
    slot: fc.nat(12),
    revision: fc.constantFrom('new', 'old', 'older'),
    state: fc.constantFrom('live', 'live', 'live', 'dead', 'terminating'),
    progress: fc.constantFrom('waiting', 'starting', 'ready'),
    attempt: fc.nat(3),
    endedMs: fc.integer({ min: -400_000, max: 0 }),
  })
  .map(({ slot, revision, state, progress, attempt, endedMs }) =>
    replica(slot, {
      revision,
      state: state as Replica['state'],
      scheduled: progress !== 'waiting',
      ready: state === 'live' && progress === 'ready',
      attempt,
      endAtMs: state === 'live' ? undefined : nowMs + endedMs,
    }),
  );
const anyInput = fc.record({
  replicas: fc.nat(6),
  present: fc.uniqueArray(anyReplica, { maxLength: 10, selector: ({ name }) => name }),
});

/** The world right after a plan was carried out: what was deleted is on its way out. */
function carriedOut({ present }: PlanInput, { deletes, creates }: Plan, atMs: number): Replica[] {
  const deleted = new Set(deletes.map(({ replica: { name } }) => name));
  const kept = present.flatMap((one): Replica[] => {
    if (!deleted.has(one.name)) return [one];
    if (one.state === 'dead') return [];
    return [{ ...one, state: 'terminating', ready: false, endAtMs: atMs + 600_000 }];
  });
  const made = creates.map(({ slot, attempt }) => replica(slot, { attempt, ...waiting }));
  return [...kept, ...made];
}

describe('what always holds', () => {
  test('on its own result it plans nothing', () => {
    fc.assert(
      fc.property(anyInput, ({ replicas, present }) => {
        const first = input(replicas, present);
        const after = input(replicas, carriedOut(first, plan(first), nowMs));
        expect(shown(plan(after))).toEqual([]);
      }),
    );
  });

  test('no two pods share a name, and no live pod is deleted twice', () => {
    fc.assert(
      fc.property(anyInput, ({ replicas, present }) => {
        const first = input(replicas, present);
        const made = plan(first);
        const names = carriedOut(first, made, nowMs).map(({ name }) => name);
        expect(new Set(names).size).toBe(names.length);
        const deleted = made.deletes.map(({ replica: { name } }) => name);
        expect(new Set(deleted).size).toBe(deleted.length);
      }),
    );
  });

  test('it never takes away a replica that serves when replicas - 1 or fewer would be left', () => {
    fc.assert(
      fc.property(anyInput, ({ replicas, present }) => {
        const serving = present.filter(({ ready }) => ready).length;
        const { deletes } = plan(input(replicas, present));
        const taken = deletes.filter(({ replica: { ready } }) => ready).length;
        if (taken > 0) expect(serving - taken).toBeGreaterThanOrEqual(Math.max(0, replicas - 1));
      }),
    );
  });

  test('from any pods and in any order of events it arrives at the wanted replicas', () => {
    fc.assert(
      fc.property(anyInput, fc.infiniteStream(fc.nat(2)), ({ replicas, present }, chance) => {
        let world = present;
        let atMs = nowMs;
        for (let step = 0; step < 200; step++) {
          const current = input(replicas, world, { nowMs: atMs });
          const before = world.filter(({ ready }) => ready).length;
          world = carriedOut(current, plan(current), atMs);
          const after = world.filter(({ ready }) => ready).length;
          if (after < before) expect(after).toBeGreaterThanOrEqual(Math.max(0, replicas - 1));
          world = world.flatMap((one): Replica[] => {
            if (chance.next().value !== 0) return [one];
            if (one.state === 'terminating') return [];
            return one.state === 'live' ? [{ ...one, scheduled: true, ready: true }] : [one];
          });
          atMs += 20_000;
        }
        expect(world.every(({ ready, revision }) => ready && revision === 'new')).toBe(true);
        expect(world).toHaveLength(replicas);
      }),
      { numRuns: 60 },
    );
  });
});
