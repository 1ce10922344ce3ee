import { ModelDeployments } from '../../crds/modeldeployment.ts';
import { keyOf } from '../../kube/object.ts';
import type { HorizontalPodAutoscaler } from '../../kube/resources.ts';
import type { Indexer, Store } from '../../kube/store.ts';

/** HorizontalPodAutoscalers by the key of the ModelDeployment that they scale. KEDA makes one of each ScaledObject. */
export const byTarget = 'target';

export const otherScalerIndexes = {
  [byTarget]: (autoscaler) => targetOf(autoscaler),
} satisfies Record<string, Indexer<HorizontalPodAutoscaler>>;

/** The ModelDeployment that it scales; empty when it scales something else. */
export function targetOf({ metadata, spec }: HorizontalPodAutoscaler): string[] {
  const { apiVersion = '', kind, name } = spec.scaleTargetRef;
  const isOurs =
    kind === ModelDeployments.kind && apiVersion.startsWith(`${ModelDeployments.group}/`);
  return isOurs ? [keyOf({ metadata: { name, namespace: metadata.namespace } })] : [];
}

/** The name of what else scales the ModelDeployment; undefined when nothing does. */
export function otherScalerOf(
  store: Store<HorizontalPodAutoscaler>,
  key: string,
): string | undefined {
  const names = store
    .byIndex(byTarget, key)
    .flatMap(({ metadata }) => (metadata.deletionTimestamp === undefined ? [metadata.name] : []));
  return names.sort()[0];
}

/** What is kept of each: that it exists, and what it scales. */
export function withoutStatus(autoscaler: HorizontalPodAutoscaler): HorizontalPodAutoscaler {
  const { status: _status, ...rest } = autoscaler;
  return rest;
}
