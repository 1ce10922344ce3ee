import type { CanarySpec, CanaryStatus } from '../../crds/modeldeployment/canary.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import { keyOf } from '../../kube/object.ts';
import { lateReplicas, type Plan, type PlanInput, plan } from '../modeldeployment/plan.ts';
import { planCanary, sharesOf } from './plan.ts';
import { type CanaryDecision, decideCanary, weightOf } from './policy.ts';
import { createTallies, type Tallies } from './tallies.ts';
import { emptyTally } from './tally.ts';

/** How often the gates of a canary are looked at. */
const lookEveryMs = 1_000;

/** The canaries of all ModelDeployments. */
export interface Canaries extends Pick<Tallies, 'heard'> {
  /** Where the canary of a ModelDeployment is, by what its replicas and the routers say. */
  step(deployment: ModelDeployment, input: PlanInput): CanaryDecision;
  /** Forgets a ModelDeployment that is gone, by `namespace/name`. */
  forget(key: string): void;
}

export function createCanaries(): Canaries {
  const tallies = createTallies();
  /** What this process has decided last: the cached status may not have it yet. */
  const decided = new Map<string, { uid: string; status: CanaryStatus | undefined }>();
  return {
    heard: tallies.heard,
    step(deployment, input) {
      const key = keyOf(deployment);
      const { uid } = deployment.metadata;
      const last = decided.get(key);
      const before = last?.uid === uid ? last.status : deployment.status?.canary;
      const decision = decide(deployment, input, before, tallies);
      decided.set(key, { uid, status: decision.status });
      if (decision.status?.phase !== 'Running') tallies.forget(key);
      return decision;
    },
    forget(key) {
      decided.delete(key);
      tallies.forget(key);
    },
  };
}

function decide(
  { spec, metadata }: ModelDeployment,
  input: PlanInput,
  before: CanaryStatus | undefined,
  tallies: Tallies,
): CanaryDecision {
  const { revision, fallback: current, present, replicas, rollout, nowMs } = input;
  const isRunning = before?.phase === 'Running' && before.revision === revision;
  const answered =
    isRunning && current !== undefined
      ? tallies.of(
          { namespace: metadata.namespace ?? '', name: metadata.name },
          `${revision} ${before.step}`,
          { canary: revision, stable: current },
        )
      : { canary: emptyTally, stable: emptyTally };
  const isCanary = (of: string) => of === revision;
  const ready = present.filter((one) => one.ready && one.state === 'live');
  const serving = ready.filter((one) => isCanary(one.revision)).length;
  const weight = isRunning ? weightOf(spec.rollout.canary, before.step) : 0;
  const wanted = sharesOf(replicas, weight, rollout.maxSurge).canary;
  const isLate = lateReplicas(input).length > 0;
  return decideCanary({
    ...{ spec: spec.rollout.canary, revision, current, before, nowMs, ...answered },
    serves: isRunning && serving > 0 && serving >= wanted,
    share: Math.floor((100 * serving) / Math.max(1, ready.length)),
    late: isLate ? 'its replicas do not serve within spec.rollout.startTimeout.' : undefined,
  });
}

/** What to do now, as the canary wants it; without one, as the rollout does. */
export function planWithCanary(
  input: PlanInput,
  spec: CanarySpec | undefined,
  canary: CanaryStatus | undefined,
): Plan {
  if (canary?.phase === 'Running') {
    const { stableRevision: stable, step } = canary;
    const weight = weightOf(spec, step);
    const made = planCanary({ ...input, stable, weight });
    return { ...made, againAfterMs: Math.min(lookEveryMs, made.againAfterMs ?? lookEveryMs) };
  }
  if (canary?.phase === 'RolledBack')
    return plan({ ...input, revision: canary.stableRevision, fallback: undefined });
  return plan(input);
}
