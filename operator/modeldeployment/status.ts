import type { Condition, Reason } from '../../crds/conditions.ts';
import { podSelector } from '../../crds/labels.ts';
import type { CanaryStatus } from '../../crds/modeldeployment/canary.ts';
import type { Capabilities } from '../../crds/modeldeployment/capabilities.ts';
import type { LastColdStart } from '../../crds/modeldeployment/cold-start.ts';
import type { ModelDeployment, ModelDeploymentStatus } from '../../crds/modeldeployment.ts';
import { servedNamesOf } from '../../crds/names.ts';
import { wantedReplicas } from '../../crds/replicas.ts';
import type { AdaptersView } from '../adapters/verdict.ts';
import type { LoadState } from '../cache/state.ts';
import { judge, type Verdict, type View, verdictOfCanary } from './judge.ts';
import { isRolloutHeld, lateReplicas } from './plan.ts';
import type { Replica } from './replica.ts';
import type { SpecProblem } from './resolve.ts';
import { rolloutOf } from './rollout.ts';

/** All that a status is made from. */
export interface StatusInput {
  deployment: ModelDeployment;
  problem?: SpecProblem | undefined;
  /** Of the present spec. */
  revision: string;
  present: readonly Replica[];
  /** The name of a profile that is another than when the revision was made. */
  changedProfile?: string | undefined;
  /** Loads into caches that are not done. */
  loads: readonly LoadState[];
  /** What the API server said when it refused to make a pod. */
  refusal: string | undefined;
  /** The cluster serves no LeaderWorkerSets. */
  lacksGroups?: true | undefined;
  /** What holds its autoscaler back; undefined: it has none, or none that has looked at it yet. */
  scaling?: Verdict | undefined;
  /** What is known of its adapters; undefined: it has none. */
  adapters?: AdaptersView | undefined;
  /** Where its canary is; undefined: there is none to tell of. */
  canary?: CanaryStatus | undefined;
  /** What is known of what the model can do. */
  capabilities?: Capabilities | undefined;
  routerUrl: string;
  lastColdStart?: LastColdStart | undefined;
  /** Milliseconds since 1970. */
  nowMs: number;
}

/**
 * The status of a ModelDeployment. Pure; the same input with a later clock gives the same status, until a
 * replica has had all the time it may take to start.
 */
export function statusOf(input: StatusInput): ModelDeploymentStatus {
  const { deployment, problem, revision, present, refusal, capabilities, routerUrl, nowMs } = input;
  const { lastColdStart } = input;
  const { metadata, spec, status: before } = deployment;
  const generation = metadata.generation ?? 0;
  const live = present.filter(({ state }) => state === 'live');
  const ready = live.filter((replica) => replica.ready).length;
  const limits = rolloutOf(spec);
  const rollout = { present, revision, rollout: limits, nowMs };
  const view: View = {
    desired: wantedReplicas(deployment),
    least: Math.max(1, spec.autoscaling?.minReplicas ?? 1),
    revision,
    replacing: before?.currentRevision !== undefined && before.currentRevision !== revision,
    live,
    lacksGroups: input.lacksGroups === true,
    loads: input.loads,
    dead: present.filter(({ state }) => state === 'dead'),
    refusal,
    problem,
    adapters: input.adapters?.verdict,
    canary: input.canary && verdictOfCanary(input.canary),
    scaling: spec.autoscaling && (input.scaling ?? lastScaling(before)),
    changedProfile: input.changedProfile,
    isPaused: spec.paused === true,
    isHeld: isRolloutHeld(rollout),
    late: lateReplicas(rollout),
  };
  const verdicts = judge(view);
  const current = verdicts.Progressing.reason === 'RolledOut' ? revision : before?.currentRevision;
  const serves = problem?.reason !== 'NameConflict';
  return {
    observedGeneration: generation,
    replicas: live.length,
    readyReplicas: ready,
    updatedReplicas: live.filter((replica) => replica.revision === revision).length,
    availableReplicas: ready,
    terminatingReplicas: present.filter(({ state }) => leaving.includes(state)).length,
    selector: podSelector(metadata.name),
    ...(current !== undefined && { currentRevision: current }),
    updateRevision: revision,
    ...(serves && { url: routerUrl }),
    servedNames: serves ? servedNamesOf(deployment) : [],
    ...(input.canary && { canary: input.canary }),
    ...(input.adapters && { adapters: input.adapters.status }),
    ...(capabilities && { capabilities }),
    ...(lastColdStart && { lastColdStart }),
    conditions: Object.entries(verdicts).map(([type, verdict]) =>
      conditionOf(type, verdict, generation, before?.conditions, nowMs),
    ),
  };
}

/** A new leader says what the last one said until it knows better. */
function lastScaling(before: ModelDeploymentStatus | undefined): Verdict | undefined {
  const last = before?.conditions.find(({ type }) => type === 'ScalingLimited');
  return last && { status: last.status, reason: last.reason as Reason, message: last.message };
}

const leaving: readonly Replica['state'][] = ['draining', 'terminating'];

/** A condition; its time is that of the last one while the status stays. */
export function conditionOf(
  type: string,
  { status, reason, message }: Verdict,
  observedGeneration: number,
  before: readonly Condition[] | undefined,
  nowMs: number,
): Condition {
  const previous = before?.find((one) => one.type === type);
  const lastTransitionTime =
    previous?.status === status
      ? previous.lastTransitionTime
      : `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
  return { type, status, observedGeneration, lastTransitionTime, reason, message };
}
