import type { Plan, PlanInput } from '../modeldeployment/plan.ts';
import type { Replica } from '../modeldeployment/replica.ts';
import { nowMs, replica } from './fixtures.ts';

/** The input of a plan: no surge, one unavailable, every drain over at once; unless told otherwise. */
export const planInput = (
  replicas: number,
  present: readonly Replica[],
  rest: Partial<PlanInput> = {},
): PlanInput => ({
  replicas,
  revision: 'new',
  fallback: 'old',
  present,
  takenSlots: new Set(),
  rollout: {
    maxSurge: 0,
    maxUnavailable: 1,
    drainTimeoutMs: 600_000,
    startTimeoutMs: 3_600_000,
  },
  demand: { inFlight: () => 0, isDrained: () => true },
  nowMs,
  ...rest,
});

/** What a plan does, in short: `~name cause` drains, `=name` undrains, `-name cause` deletes, `+name`. */
export function shown({ drains, undrains, deletes, creates }: Plan): string[] {
  return [
    ...drains.map(({ replica: { name }, cause }) => `~${name} ${cause}`),
    ...undrains.map(({ name }) => `=${name}`),
    ...deletes.map(
      ({ replica: { name }, cause, isCutOff }) => `-${name} ${cause}${isCutOff ? ' cut off' : ''}`,
    ),
    ...creates.map(
      ({ slot, revision, attempt }) =>
        `+skiff-${revision}-${slot}${attempt ? ` attempt ${attempt}` : ''}`,
    ),
  ];
}

/** The world right after a plan was carried out: what was deleted is on its way out. */
export function carriedOut(present: readonly Replica[], made: Plan, atMs: number): Replica[] {
  const named = (of: readonly { replica: Replica }[]) =>
    new Set(of.map(({ replica: { name } }) => name));
  const deleted = named(made.deletes);
  const drained = named(made.drains);
  const undrained = new Set(made.undrains.map(({ name }) => name));
  const kept = present.flatMap((one): Replica[] => {
    if (drained.has(one.name)) return [{ ...one, state: 'draining', sinceMs: atMs }];
    if (undrained.has(one.name)) return [{ ...one, state: 'live', sinceMs: undefined }];
    if (!deleted.has(one.name)) return [one];
    if (one.state === 'dead') return [];
    return [{ ...one, state: 'terminating', ready: false, sinceMs: atMs + 600_000 }];
  });
  const fresh = { ready: false, scheduled: false, notReadySinceMs: atMs };
  return [
    ...kept,
    ...made.creates.map(({ slot, revision, attempt }) =>
      replica(slot, { revision, attempt, ...fresh }),
    ),
  ];
}
