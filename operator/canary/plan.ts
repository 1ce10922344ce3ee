import { type Creation, type Plan, type PlanInput, plan } from '../modeldeployment/plan.ts';
import type { Replica } from '../modeldeployment/replica.ts';

/** How many replicas each revision has while a canary is on. */
export interface Shares {
  canary: number;
  stable: number;
}

/**
 * How many replicas a step needs: enough on both sides for its share of the requests. With a surge there may be
 * one more than `replicas`, else as many; one replica is always given a second one, for there is nothing to
 * compare otherwise.
 */
export function sharesOf(replicas: number, weight: number, maxSurge: number): Shares {
  if (replicas === 0) return { canary: 0, stable: 0 };
  const hasSurge = maxSurge > 0 || replicas === 1;
  const wanted = (replicas * weight) / 100;
  const most = Math.max(1, hasSurge ? replicas : replicas - 1);
  const canary = Math.min(most, Math.max(1, hasSurge ? Math.ceil(wanted) : Math.round(wanted)));
  const stable = hasSurge ? Math.ceil(replicas - wanted) : replicas - canary;
  return { canary, stable: Math.max(1, stable) };
}

/** What is wanted beside the plan's own input. */
export interface CanaryPlanInput extends PlanInput {
  /** The revision that the canary is compared with. */
  stable: string;
  /** Of the canary, in a hundred. */
  weight: number;
}

/**
 * What to do now while a canary is on. Pure. Each revision is kept at its share as if it were alone; without a
 * surge a stable replica goes first, as `maxUnavailable` allows, with one it goes when its successor serves.
 * What is of neither revision goes.
 */
export function planCanary(input: CanaryPlanInput): Plan {
  const { replicas, revision, stable, weight, rollout } = input;
  const shares = sharesOf(replicas, weight, rollout.maxSurge);
  const groups = {
    canary: input.present.filter((one) => one.revision === revision),
    stable: input.present.filter((one) => one.revision === stable),
    others: input.present.filter((one) => one.revision !== revision && one.revision !== stable),
  };
  const live = groups.canary.filter(({ state }) => state === 'live');
  const serving = live.filter(({ ready }) => ready).length;
  const total = Math.max(replicas + rollout.maxSurge, shares.canary + shares.stable);
  const isSurged = shares.canary + shares.stable > replicas || rollout.maxSurge > 0;
  const fewest = isSurged ? replicas : Math.max(0, replicas - rollout.maxUnavailable);
  const stableNow = Math.max(shares.stable, fewest - serving);
  // Those that go hold their accelerators until they are gone.
  const held = [...groups.stable, ...groups.others].filter(({ state }) => state !== 'dead').length;
  const canaryNow = Math.min(shares.canary, Math.max(total - held, live.length));

  const created: Creation[] = [];
  const planFor = (of: string, count: number, present: readonly Replica[]): Plan => {
    const others = input.present.filter((one) => !present.includes(one));
    const takenSlots = new Set([
      ...input.takenSlots,
      ...[...others, ...created].map(({ slot }) => slot),
    ]);
    const alone = { revision: of, replicas: count, present, takenSlots, fallback: undefined };
    const made = plan({ ...input, ...alone, rollout: { ...rollout, maxSurge: 0 } });
    created.push(...made.creates);
    return made;
  };
  const plans = [
    planFor(stable, Math.min(stableNow, replicas), groups.stable),
    planFor(revision, canaryNow, groups.canary),
    planFor(revision, 0, groups.others),
  ];
  const times = plans.flatMap(({ againAfterMs }) => againAfterMs ?? []);
  return {
    drains: plans.flatMap(({ drains }) => drains),
    undrains: plans.flatMap(({ undrains }) => undrains),
    deletes: plans.flatMap(({ deletes }) => deletes),
    creates: plans.flatMap(({ creates }) => creates),
    againAfterMs: times.length > 0 ? Math.min(...times) : undefined,
  };
}
