import type { AcceleratorProfile } from '../../crds/acceleratorprofile.ts';
import { modelDeploymentLabel } from '../../crds/labels.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import { servedNamesOf } from '../../crds/names.ts';
import { keyOf } from '../../kube/object.ts';
import type { Pod } from '../../kube/resources.ts';
import type { Indexer, Store } from '../../kube/store.ts';

/** Pods by the key of the ModelDeployment that their label names. */
export const byModelDeployment = 'modelDeployment';
/** ModelDeployments by each name they ask to serve, over all namespaces. */
export const byServedName = 'servedName';
/** ModelDeployments by the name of their profile. */
export const byProfile = 'profile';

export const podIndexes = {
  [byModelDeployment]: (pod) => keysOfPod(pod),
} satisfies Record<string, Indexer<Pod>>;

export const modelDeploymentIndexes = {
  [byServedName]: (deployment) => servedNamesOf(deployment),
  [byProfile]: (deployment) => [deployment.spec.accelerator.profile],
} satisfies Record<string, Indexer<ModelDeployment>>;

/** The ModelDeployment that a pod belongs to. */
export function keysOfPod(pod: Pod): string[] {
  const { namespace, labels } = pod.metadata;
  const name = labels?.[modelDeploymentLabel];
  return name && namespace ? [`${namespace}/${name}`] : [];
}

/** A ModelDeployment itself, and every other that wants one of its names and may get or lose it. */
export function keysOfRivals(store: Store<ModelDeployment>, deployment: ModelDeployment): string[] {
  const rivals = servedNamesOf(deployment).flatMap((name) => store.byIndex(byServedName, name));
  return [...new Set([deployment, ...rivals].map(keyOf))];
}

/** The ModelDeployments that name this profile. */
export function keysOfProfile(
  store: Store<ModelDeployment>,
  profile: AcceleratorProfile,
): string[] {
  return store.byIndex(byProfile, profile.metadata.name).map(keyOf);
}
