import type { Pod } from './resources.ts';

/** A condition of a pod. */
export type PodCondition = NonNullable<NonNullable<Pod['status']>['conditions']>[number];

/** The condition of that type; undefined: nobody has judged yet. */
export function podCondition({ status }: Pod, type: string): PodCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

/** Whether the kubelet, and every readiness gate, says that the pod serves. */
export function isReady(pod: Pod): boolean {
  return podCondition(pod, 'Ready')?.status === 'True';
}

/**
 * Whether the pod is Ready or has been so before. The kubelet sets `Ready` to False in the same moment as
 * `startTime` (pkg/kubelet/status/status_manager.go: updateStatusInternal) and gives it another time only
 * when it changes; both are whole seconds. What was Ready for less than a second is not told.
 */
export function hasBeenReady(pod: Pod): boolean {
  if (isReady(pod)) return true;
  const since = Date.parse(podCondition(pod, 'Ready')?.lastTransitionTime ?? '');
  const startedAt = Date.parse(pod.status?.startTime ?? '');
  return since > startedAt + 1_000;
}
