import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nowMs, replica } from '../testing/fixtures.ts';
import { carriedOut, planInput, shown } from '../testing/plans.ts';
import { isRolloutHeld, type PlanInput, plan } from './plan.ts';
import type { Replica } from './replica.ts';

const problems = [
  undefined,
  { reason: 'Starting', message: 'loads' },
  { reason: 'EngineCrashed', message: 'ended' },
] as const;

const anyReplica = fc
  .record({
    slot: fc.nat(12),
    revision: fc.constantFrom('new', 'old', 'older'),
    state: fc.constantFrom<Replica['state']>(
      'live',
      'live',
      'live',
      'dead',
      'draining',
      'terminating',
    ),
    progress: fc.constantFrom('waiting', 'starting', 'ready'),
    attempt: fc.nat(3),
    sinceMs: fc.integer({ min: -700_000, max: 0 }),
    problem: fc.constantFrom(...problems),
  })
  .map(({ slot, revision, state, progress, attempt, sinceMs, problem }) => {
    const ready = (state === 'live' || state === 'draining') && progress === 'ready';
    return replica(slot, {
      revision,
      state,
      scheduled: progress !== 'waiting',
      ready,
      notReadySinceMs: ready ? undefined : nowMs + sinceMs,
      attempt,
      sinceMs: state === 'live' ? undefined : nowMs + sinceMs,
      problem: ready ? undefined : problem,
    });
  });

const anyRollout = fc
  .record({ maxSurge: fc.nat(1), maxUnavailable: fc.nat(3) })
  .filter(({ maxSurge, maxUnavailable }) => maxSurge + maxUnavailable > 0)
  .map((limits) => ({ ...limits, drainTimeoutMs: 600_000, startTimeoutMs: 3_600_000 }));

const anyInput = fc
  .record({
    replicas: fc.nat(6),
    present: fc.uniqueArray(anyReplica, { maxLength: 10, selector: ({ name }) => name }),
    rollout: anyRollout,
    fallback: fc.constantFrom('old', undefined),
    isDrained: fc.boolean(),
  })
  .map(({ replicas, present, rollout, fallback, isDrained }) =>
    planInput(replicas, present, {
      rollout,
      fallback,
      demand: { inFlight: (uid) => uid.length % 3, isDrained: () => isDrained },
    }),
  );

const serving = (present: readonly Replica[]) =>
  present.filter(({ state, ready }) => state === 'live' && ready).length;
const bound = ({ replicas, rollout }: PlanInput) => Math.max(0, replicas - rollout.maxUnavailable);

test('on its own result it plans nothing', () => {
  fc.assert(
    fc.property(anyInput, (input) => {
      // What was drained a moment ago still has requests; else the next step would be its deletion.
      const quiet = { ...input, demand: { ...input.demand, isDrained: () => false } };
      let { present } = quiet;
      const steps = isRolloutHeld(input) ? 4 : 1;
      for (let step = 0; step < steps; step++)
        present = carriedOut(present, plan({ ...quiet, present }), nowMs);
      expect(shown(plan({ ...quiet, present }))).toEqual([]);
    }),
    { numRuns: 1000 },
  );
});

test('no two pods share a name, and no pod gets two actions', () => {
  fc.assert(
    fc.property(anyInput, (input) => {
      const made = plan(input);
      const names = carriedOut(input.present, made, nowMs).map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      const touched = [...made.drains, ...made.deletes]
        .map(({ replica: { name } }) => name)
        .concat(made.undrains.map(({ name }) => name));
      expect(new Set(touched).size).toBe(touched.length);
    }),
  );
});

test('what serves is drained before it is deleted, and never so that too few are left', () => {
  fc.assert(
    fc.property(anyInput, (input) => {
      const { drains, undrains, deletes } = plan(input);
      for (const { replica: one } of deletes) expect(one.state === 'live' && one.ready).toBe(false);
      const left = serving(input.present) + undrains.length - drains.length;
      if (drains.length > 0) expect(left).toBeGreaterThanOrEqual(bound(input));
    }),
  );
});

test('there is never more than one beyond what is wanted', () => {
  fc.assert(
    fc.property(anyInput, (input) => {
      const before = input.present.filter(({ state }) => state === 'live').length;
      const after = carriedOut(input.present, plan(input), nowMs);
      const live = after.filter(({ state }) => state === 'live').length;
      const most = input.replicas + input.rollout.maxSurge;
      expect(live).toBeLessThanOrEqual(Math.max(most, before));
    }),
  );
});

test('from any pods and in any order of events it arrives at the wanted replicas', () => {
  fc.assert(
    fc.property(anyInput, fc.infiniteStream(fc.nat(2)), (input, chance) => {
      let world = input.present;
      let atMs = nowMs;
      for (let step = 0; step < 300; step++) {
        const current = { ...input, present: world, nowMs: atMs };
        const before = serving(world);
        world = carriedOut(world, plan(current), atMs);
        if (serving(world) < before) expect(serving(world)).toBeGreaterThanOrEqual(bound(input));
        world = world.flatMap((one): Replica[] => {
          if (chance.next().value !== 0) return [one];
          if (one.state === 'terminating') return [];
          if (one.state !== 'live') return [one];
          return [{ ...one, scheduled: true, ready: true, problem: undefined }];
        });
        atMs += 20_000;
      }
      expect(world.map(({ state, ready, revision }) => ({ state, ready, revision }))).toEqual(
        Array(input.replicas).fill({ state: 'live', ready: true, revision: 'new' }),
      );
    }),
    { numRuns: 100 },
  );
});

test('while the new revision stays in trouble, the old one keeps serving', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), anyRollout, (replicas, rollout) => {
      const all = Array.from({ length: replicas }, (_, slot) => replica(slot, { revision: 'old' }));
      let world: Replica[] = all;
      for (let step = 0; step < 30; step++) {
        world = carriedOut(world, plan(planInput(replicas, world, { rollout })), nowMs);
        world = world.flatMap((one): Replica[] => {
          if (one.state === 'terminating') return [];
          const problem = { reason: 'ImagePullFailed', message: 'no such image' } as const;
          return one.revision === 'new' ? [{ ...one, scheduled: true, problem }] : [one];
        });
      }
      expect(serving(world)).toBeGreaterThanOrEqual(Math.max(0, replicas - rollout.maxUnavailable));
      if (rollout.maxSurge > 0) expect(serving(world)).toBe(replicas);
    }),
  );
});
