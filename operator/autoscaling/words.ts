import type { Reason } from '../../crds/conditions.ts';
import type { Decision, DecisionReason, PolicyConfig } from './policy.ts';
import type { ScheduleProblem } from './schedules.ts';

/** The condition `ScalingLimited`, without its times. */
export interface ScalingVerdict {
  status: 'True' | 'False';
  reason: Extract<Reason, 'WithinBounds' | 'AtMaxReplicas' | 'AnotherScaler' | 'ScheduleRefused'>;
  message: string;
}

export interface VerdictInput {
  decision: Decision;
  config: PolicyConfig;
  /** The name of a HorizontalPodAutoscaler of the same object. */
  otherScaler: string | undefined;
  scheduleProblems: readonly ScheduleProblem[];
}

/** What keeps the replicas from following the load. Says nothing that changes with every request. */
export function verdictOf(input: VerdictInput): ScalingVerdict {
  const { decision, config, otherScaler, scheduleProblems } = input;
  if (otherScaler !== undefined) {
    const message = `HorizontalPodAutoscaler ${otherScaler} scales this object, so Fairlead leaves spec.replicas to it. Remove it, or remove spec.autoscaling.`;
    return { status: 'True', reason: 'AnotherScaler', message };
  }
  const [refused] = scheduleProblems;
  if (refused) {
    const message = `${refused.field} is left out: ${refused.problem}.`;
    return { status: 'True', reason: 'ScheduleRefused', message };
  }
  const { maxReplicas } = config;
  if (decision.needed > maxReplicas) {
    const message = `The requests ask for more than spec.autoscaling.maxReplicas, which is ${maxReplicas}. Raise it, or live with longer waits.`;
    return { status: 'True', reason: 'AtMaxReplicas', message };
  }
  const message = 'The replicas follow the requests.';
  return { status: 'False', reason: 'WithinBounds', message };
}

const why: Readonly<Record<DecisionReason, string>> = {
  load: 'that is what the requests of the last while ask for',
  burst: 'many more requests came at once, and stay',
  first_request: 'a request has come',
  idle: 'there was no request for spec.autoscaling.idleTimeout',
  floor: 'minReplicas, or a schedule, asks for so many',
  ceiling: 'maxReplicas allows no more',
};

/** What an Event says of a decision. */
export function noteOf(
  before: number,
  { desired, reason }: Decision,
  load: { inFlight: number; held: number },
  { inFlightPerReplica }: PolicyConfig,
): string {
  return `From ${before} to ${desired} replicas: ${why[reason]}. ${load.inFlight} requests are in flight and ${load.held} wait; a replica is to carry ${inFlightPerReplica}.`;
}
