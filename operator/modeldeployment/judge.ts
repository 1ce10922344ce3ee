import { type ConditionType, type Reason, reasons } from '../../crds/conditions.ts';
import type { CanaryStatus } from '../../crds/modeldeployment/canary.ts';
import type { LoadState } from '../cache/state.ts';
import type { Problem } from './problem.ts';
import type { Replica } from './replica.ts';
import type { SpecProblem } from './resolve.ts';

/** What the conditions are judged by. */
export interface View {
  /** How many there are to be. */
  desired: number;
  /** How many of them must serve for the model to be available. */
  least: number;
  revision: string;
  /** Whether all replicas were at another revision before. */
  replacing: boolean;
  live: readonly Replica[];
  dead: readonly Replica[];
  /** What the revision's replicas wait for: loads into caches that are not done. */
  loads: readonly LoadState[];
  refusal: string | undefined;
  /** The cluster serves no LeaderWorkerSets. */
  lacksGroups: boolean;
  problem: SpecProblem | undefined;
  /** What a canary that is on, or was rolled back, makes of the rollout. */
  canary?: Verdict | undefined;
  /** Whether replicas have their adapters; undefined: there are none to have. */
  adapters?: Verdict | undefined;
  /** What holds the autoscaler back; undefined: it does not scale this one. */
  scaling?: Verdict | undefined;
  /** The name of a profile that is another than when the revision was made. */
  changedProfile: string | undefined;
  /** `spec.paused`. */
  isPaused: boolean;
  /** Whether replicas of the revision are in trouble that stops its rollout. */
  isHeld: boolean;
  /** Replicas of the revision that took longer than they may. */
  late: readonly Replica[];
}

/** A condition without its times. */
export interface Verdict {
  status: Condition['status'];
  reason: Reason;
  message: string;
}

type Condition = { status: 'True' | 'False' | 'Unknown' };

/** What is told first when several things are wrong. */
const byWeight: readonly Problem['reason'][] = [
  'ImagePullFailed',
  'ConfigMissing',
  'WeightsFailed',
  'OutOfMemory',
  'EngineCrashed',
  'PodFailed',
  'Unschedulable',
  'NotReady',
  'LoadingWeights',
  'Starting',
  'Scheduling',
];
/** These pass by themselves; they are no reason to worry. */
const passing: readonly Reason[] = ['LoadingWeights', 'Starting', 'Scheduling'];
/** Of an engine that runs, or ran, and so has its weights. */
const pastWeights: readonly Reason[] = ['EngineCrashed', 'OutOfMemory', 'NotReady'];
const mostGroups = 3;

/** Of each condition; those that are not always there are absent where they have nothing to say. */
type Verdicts = Record<Exclude<ConditionType, Optional>, Verdict> &
  Partial<Record<Optional, Verdict>>;
type Optional = 'AdaptersReady' | 'ScalingLimited';

/** How a canary stands in Progressing; undefined: it says nothing of it. */
export function verdictOfCanary({ phase, message }: CanaryStatus): Verdict | undefined {
  if (phase === 'Running') return { status: 'True', reason: 'Canary', message };
  if (phase === 'Promoted') return undefined;
  return {
    status: 'False',
    reason: 'CanaryFailed',
    message: `${message} ${reasons.CanaryFailed.remedy}`,
  };
}

/** Every condition, each from the view alone. Pure. */
export function judge(view: View): Verdicts {
  return {
    Accepted: accepted(view),
    Scheduled: scheduled(view),
    WeightsReady: weightsReady(view),
    ...(view.adapters && { AdaptersReady: view.adapters }),
    Available: available(view),
    Progressing: progressing(view),
    Stalled: stalled(view),
    Ready: ready(view),
    ...(view.scaling && { ScalingLimited: view.scaling }),
  };
}

function accepted({ problem }: View): Verdict {
  if (problem) return { status: 'False', ...problem };
  return { status: 'True', reason: 'Accepted', message: 'The spec is sound.' };
}

function scheduled(view: View): Verdict {
  const { live, desired } = view;
  const stuck = live.filter(({ problem }) => problem?.reason === 'Unschedulable');
  if (stuck.length > 0) return { status: 'False', ...tell('Unschedulable', stuck) };
  if (view.refusal !== undefined) return refused(view.refusal);
  if (view.lacksGroups) return unsupported();
  if (live.length === 0 && view.problem) return notAccepted();
  if (live.length === 0 && desired === 0) return toZero(view);
  if (live.length === 0 && view.loads.length > 0) {
    const message = 'Replicas are made when the cache has their weights.';
    return { status: 'Unknown', reason: 'Scheduling', message };
  }
  const placed = live.filter((replica) => replica.scheduled).length;
  if (live.length < desired || placed < live.length) {
    const message = `${placed} of ${desired} replicas have a node.`;
    return { status: 'Unknown', reason: 'Scheduling', message };
  }
  return { status: 'True', reason: 'Scheduled', message: 'Every replica has a node.' };
}

function weightsReady(view: View): Verdict {
  const { live, desired, loads } = view;
  const wrong = troubleOf(loads);
  if (wrong) return { ...wrong, reason: 'WeightsFailed' };
  const withProblem = (reason: Reason) => live.filter(({ problem }) => problem?.reason === reason);
  const failing = withProblem('WeightsFailed');
  if (failing.length > 0) return { status: 'False', ...tell('WeightsFailed', failing) };
  if (live.length === 0 && view.problem) return notAccepted();
  if (loads.length > 0) return { status: 'Unknown', ...tell('LoadingWeights', loads) };
  if (live.length === 0 && desired === 0) return toZero(view);
  const having = live.filter(({ ready: serves, problem }) => {
    return serves || (problem && pastWeights.includes(problem.reason));
  });
  if (having.length > 0) {
    const message = `${having.length} of ${desired} replicas have their weights.`;
    return { status: 'True', reason: 'WeightsReady', message };
  }
  const loading = withProblem('LoadingWeights');
  if (loading.length > 0) return { status: 'Unknown', ...tell('LoadingWeights', loading) };
  return { status: 'Unknown', reason: 'Starting', message: 'No engine has its weights yet.' };
}

function available(view: View): Verdict {
  const { live, desired, least } = view;
  const serving = live.filter((replica) => replica.ready).length;
  if (serving >= least) {
    const message = `${serving} of ${desired} replicas serve.`;
    return { status: 'True', reason: 'ReplicasReady', message };
  }
  if (live.length === 0 && view.problem) return notAccepted();
  if (live.length === 0 && desired === 0) return toZero(view);
  return trouble(view) ?? starting(view);
}

function progressing(view: View): Verdict {
  const { live, desired, revision, problem, replacing, late, isPaused, isHeld } = view;
  if (problem) return notAccepted();
  if (isPaused) {
    const message = `Nothing is done while spec.paused is true. ${reasons.Paused.remedy}`;
    return { status: 'Unknown', reason: 'Paused', message };
  }
  if (view.canary) return view.canary;
  if (hasArrived(view)) {
    const message = `${replicasText(desired)} of revision ${revision}.${profileNote(view)}`;
    return { status: 'True', reason: 'RolledOut', message };
  }
  if (late.length > 0) return { status: 'False', ...tooLate(late) };
  if (view.loads.length > 0) {
    const { reason, message } = tell('LoadingWeights', view.loads);
    const then = `Replicas of revision ${revision} are made when the cache has their weights.`;
    return { status: 'True', reason, message: `${message} ${then}` };
  }
  const updated = live.filter((replica) => replica.revision === revision);
  const serving = updated.filter((replica) => replica.ready).length;
  if (replacing || updated.length < live.length) {
    const held = isHeld ? ' Nothing more is replaced until they do.' : '';
    const message = `${updated.length} of ${desired} replicas are of revision ${revision}, ${serving} of them serve.${held}`;
    return { status: 'True', reason: 'RollingOut', message };
  }
  if (live.length > desired) {
    const message = `${live.length - desired} more than ${replicasText(desired)} are being removed.`;
    return { status: 'True', reason: 'Scaling', message };
  }
  const message = `${serving} of ${desired} replicas serve.`;
  return { status: 'True', reason: serving > 0 ? 'Scaling' : 'Starting', message };
}

function profileNote({ changedProfile }: View): string {
  if (changedProfile === undefined) return '';
  return ` AcceleratorProfile ${changedProfile} has changed, and is not in use yet: the next revision takes it up.`;
}

/** Whether there are as many replicas as wanted, all of the revision and serving. */
function hasArrived({ live, desired, revision }: View): boolean {
  const arrived = live.filter((replica) => replica.revision === revision && replica.ready);
  return live.length === desired && arrived.length === desired;
}

function stalled({ problem, late, lacksGroups, canary }: View): Verdict {
  if (problem) return { ...notAccepted(), status: 'True' };
  if (lacksGroups) return { ...unsupported(), status: 'True' };
  if (canary?.reason === 'CanaryFailed') return { ...canary, status: 'True' };
  if (late.length > 0) return { status: 'True', ...tooLate(late) };
  return { status: 'False', reason: 'NotStalled', message: 'Nothing is stuck.' };
}

function ready(view: View): Verdict {
  const { live, desired, problem } = view;
  if (problem) return { status: 'False', ...problem };
  if (live.length === 0 && desired === 0) return toZero(view);
  if (hasArrived(view)) {
    if (view.adapters && view.adapters.status !== 'True')
      return { ...view.adapters, status: 'False' };
    const message = `${replicasText(desired)} ${desired === 1 ? 'serves' : 'serve'}.${profileNote(view)}`;
    return { status: 'True', reason: 'Ready', message };
  }
  return trouble(view) ?? { ...progressing(view), status: 'False' };
}

/** What is wrong and does not pass by itself; undefined when nothing is. */
function trouble({ live, dead, loads, refusal, lacksGroups }: View): Verdict | undefined {
  if (lacksGroups) return unsupported();
  const troubled = troubleOf([...live, ...dead, ...loads]);
  return troubled ?? (refusal === undefined ? undefined : refused(refusal));
}

function troubleOf(troubled: readonly Affected[]): Verdict | undefined {
  for (const reason of byWeight) {
    const affected = troubled.filter(({ problem }) => problem?.reason === reason);
    if (affected.length > 0 && !passing.includes(reason))
      return { status: 'False', ...tell(reason, affected) };
  }
  return undefined;
}

function starting({ live, desired, loads }: View): Verdict {
  const loading = [...loads, ...live].filter(({ problem }) => problem?.reason === 'LoadingWeights');
  if (loading.length > 0) return { status: 'False', ...tell('LoadingWeights', loading) };
  const placed = live.filter((replica) => replica.scheduled);
  if (placed.length > 0) return { status: 'False', ...tell('Starting', placed) };
  const message = `0 of ${desired} replicas have a node.`;
  return { status: 'False', reason: 'Starting', message };
}

/** A replica, or a load of weights. */
type Affected = Pick<Replica, 'name' | 'problem'> & { what?: LoadState['what'] };

/** One sentence for each different message, with the replicas it is true of, and what to do. */
function tell(reason: Reason, affected: readonly Affected[]): Pick<Verdict, 'reason' | 'message'> {
  const groups = Map.groupBy(affected, ({ problem }) => problem?.message ?? '');
  const told = [...groups].slice(0, mostGroups);
  const sentences = told.map(([message, group]) => {
    const names = group.map(({ name }) => name).sort();
    const more = names.length > 10 ? ` and ${names.length - 10} more` : '';
    return `${group[0]?.what ?? 'Replica'} ${names.slice(0, 10).join(', ')}${more}: ${message}.`;
  });
  const untold = affected.length - told.reduce((sum, [, group]) => sum + group.length, 0);
  const rest = untold > 0 ? [`${untold} more like it.`] : [];
  const remedy = passing.includes(reason) ? [] : [reasons[reason].remedy];
  return { reason, message: [...sentences, ...rest, ...remedy].join(' ') };
}

function tooLate(late: readonly Replica[]): Pick<Verdict, 'reason' | 'message'> {
  const { reason, message } = tell('ProgressDeadlineExceeded', late);
  return { reason, message: `Not serving within spec.rollout.startTimeout. ${message}` };
}

function refused(refusal: string): Verdict {
  const message = `A pod cannot be made: ${refusal.slice(0, 800)}. ${reasons.PodRefused.remedy}`;
  return { status: 'False', reason: 'PodRefused', message };
}

function unsupported(): Verdict {
  const message = `spec.nodes: this cluster serves no LeaderWorkerSets. ${reasons.UnsupportedTopology.remedy}`;
  return { status: 'False', reason: 'UnsupportedTopology', message };
}

function notAccepted(): Verdict {
  const message = 'Nothing is done while Accepted is False.';
  return { status: 'False', reason: 'NotAccepted', message };
}

function toZero({ scaling }: View): Verdict {
  const isOurs = scaling !== undefined && scaling.reason !== 'AnotherScaler';
  const message = isOurs
    ? 'There was no request for a while; the next one starts a replica.'
    : 'spec.replicas is 0.';
  return { status: 'True', reason: 'ScaledToZero', message };
}

function replicasText(count: number): string {
  return `${count} ${count === 1 ? 'replica' : 'replicas'}`;
}
