import { durationMs } from '../../crds/duration.ts';
import type { CanarySpec, CanaryStatus } from '../../crds/modeldeployment/canary.ts';
import { failedGate } from './gates.ts';
import type { Tally } from './tally.ts';

/** What a canary is decided by. */
export interface CanaryView {
  spec: CanarySpec | undefined;
  /** Of the present spec. */
  revision: string;
  /** That all replicas were last brought to, where it can still be made. */
  current: string | undefined;
  /** What was decided last. */
  before: CanaryStatus | undefined;
  /** Whether the new revision's replicas of this step serve. */
  serves: boolean;
  /** Its share of all replicas that serve, in a hundred. */
  share: number;
  /** Why they will not, when all their time is over. */
  late: string | undefined;
  /** How each revision has answered in this step. */
  canary: Tally;
  stable: Tally;
  /** Milliseconds since 1970. */
  nowMs: number;
}

/** What was decided. */
export interface CanaryDecision {
  /** Undefined: there is nothing to tell of a canary. */
  status: CanaryStatus | undefined;
  /** What has just happened. */
  event?: { reason: 'CanaryStep' | 'CanaryPromoted'; note: string } | undefined;
}

/**
 * Where a canary is now. Pure, and with what it decided as `before` it decides the same again, until the clock
 * or what was answered changes.
 *
 * A step lasts its pause from when its replicas serve, and until the canary has answered enough requests. Its
 * gates are looked at all the time, and the first that fails ends the canary. So does a canary whose replicas
 * take longer than they may. A revision that was rolled back stays away; another one begins at the first step.
 */
export function decideCanary(view: CanaryView): CanaryDecision {
  const { spec, revision, current, before } = view;
  if (!spec || current === undefined) return { status: undefined };
  if (revision === current) {
    const isOfIt = before?.revision === revision && before.phase === 'Promoted';
    return { status: isOfIt ? before : undefined };
  }
  const isOfIt = before?.revision === revision && before.stableRevision === current;
  if (!isOfIt) return begun(spec, revision, current);
  if (before.phase !== 'Running') return { status: before };
  return running(view, spec, before);
}

function begun(spec: CanarySpec, revision: string, stableRevision: string): CanaryDecision {
  const of = { phase: 'Running', revision, stableRevision, step: 1 } as const;
  return stepTo(spec, { ...of, weight: 0, message: '' });
}

function running(view: CanaryView, spec: CanarySpec, before: CanaryStatus): CanaryDecision {
  const { canary, stable, serves, share, late, nowMs } = view;
  const step = Math.min(before.step, spec.steps.length);
  const { pause = '0s' } = spec.steps[step - 1] ?? {};
  const worse = late ?? failedGate(spec.gates, canary, stable);
  if (worse !== undefined) {
    const message = `Rolled back in step ${step} of ${spec.steps.length}, at ${before.weight} % of the requests: ${worse}`;
    return {
      status: { ...before, phase: 'RolledBack', weight: 0, message: message.slice(0, 1024) },
    };
  }
  const sinceMs = before.since === undefined ? undefined : Date.parse(before.since);
  const isOver =
    sinceMs !== undefined &&
    nowMs >= sinceMs + durationMs(pause) &&
    canary.requests >= spec.gates.requests;
  if (isOver && step < spec.steps.length) return stepTo(spec, { ...before, step: step + 1 });
  if (isOver) return promoted(before);
  const since = before.since ?? (serves ? new Date(nowMs).toISOString() : undefined);
  const most = weightOf(spec, step);
  // While its replicas are still coming they get what they can carry.
  const weight = serves ? most : Math.min(most, share);
  const { since: _, ...rest } = { ...before, step, weight };
  return { status: withMessage(spec, { ...rest, ...(since !== undefined && { since }) }) };
}

/** Of a hundred requests, those that a step is for. */
export function weightOf(spec: CanarySpec | undefined, step: number): number {
  return spec?.steps[step - 1]?.weight ?? 0;
}

/** Begins a step; its clock runs once its replicas serve. */
function stepTo(spec: CanarySpec, { since: _, ...before }: CanaryStatus): CanaryDecision {
  const status = withMessage(spec, before);
  return { status, event: { reason: 'CanaryStep', note: status.message } };
}

function withMessage(spec: CanarySpec, status: CanaryStatus): CanaryStatus {
  const { step, revision, stableRevision, since } = status;
  const weight = weightOf(spec, step);
  const { pause = '0s' } = spec.steps[step - 1] ?? {};
  const next = spec.steps[step]?.weight;
  const then = next === undefined ? 'then all of them' : `then ${next} %`;
  const until =
    since === undefined
      ? 'once its replicas serve'
      : `for ${pause} and ${spec.gates.requests} requests from ${since.slice(0, 19)}Z`;
  const message = `Step ${step} of ${spec.steps.length}: revision ${revision} gets ${weight} % of the requests ${until}, ${then}; it is compared with revision ${stableRevision}.`;
  return { ...status, message };
}

function promoted(before: CanaryStatus): CanaryDecision {
  const message = `Revision ${before.revision} has passed every step and replaces revision ${before.stableRevision}.`;
  return {
    status: { ...before, phase: 'Promoted', weight: 100, message },
    event: { reason: 'CanaryPromoted', note: message },
  };
}
