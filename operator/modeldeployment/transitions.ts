import type { Condition } from '../../crds/conditions.ts';
import type { ModelDeployment, ModelDeploymentStatus } from '../../crds/modeldeployment.ts';
import type { EventRecorder } from '../../kube/events.ts';

/** Reasons of `Ready` that are no news: what happens between two states, and soon passes. */
const quiet: readonly string[] = ['Starting', 'Scaling', 'LoadingAdapters'];

/**
 * Tells by an Event that `Ready` has another status or reason than before, and why. Made from two
 * statuses, so that a restart of the operator repeats nothing.
 */
export function tellTransitions(
  events: EventRecorder,
  deployment: ModelDeployment,
  after: ModelDeploymentStatus,
): void {
  const before = find(deployment.status?.conditions);
  const now = find(after.conditions);
  if (!now || (before?.status === now.status && before.reason === now.reason)) return;
  if (now.status !== 'True' && quiet.includes(now.reason)) return;
  const isTrouble = now.status !== 'True' && !['RollingOut', 'Canary'].includes(now.reason);
  events.record(deployment, {
    type: isTrouble ? 'Warning' : 'Normal',
    reason: now.reason,
    action: 'Reconcile',
    note: now.message,
  });
}

function find(conditions: readonly Condition[] | undefined): Condition | undefined {
  return conditions?.find(({ type }) => type === 'Ready');
}
