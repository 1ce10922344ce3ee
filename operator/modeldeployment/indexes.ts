import type { AcceleratorProfile } from '../../crds/acceleratorprofile.ts';
import { modelDeploymentLabel } from '../../crds/labels.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import { servedNamesOf } from '../../crds/names.ts';
import { controllerOf, type KubeObject, keyOf } from '../../kube/object.ts';
import type { Pod } from '../../kube/resources.ts';
import type { Indexer, Store } from '../../kube/store.ts';

/** Pods by the key of the ModelDeployment that their label names. */
export const byModelDeployment = 'modelDeployment';
/** Whatever a ModelDeployment owns, by the uid of its owner. */
export const byOwner = 'owner';
/** ModelDeployments by each name they ask to serve, over all namespaces. */
export const byServedName = 'servedName';
/** ModelDeployments by the name of their profile. */
export const byProfile = 'profile';

export const podIndexes = {
  [byModelDeployment]: (pod) => keysOfOwned(pod),
} satisfies Record<string, Indexer<Pod>>;

export const ownedIndexes = {
  [byOwner]: (object) => [controllerOf(object)?.uid ?? ''],
} satisfies Record<string, Indexer<KubeObject>>;

export const modelDeploymentIndexes = {
  [byServedName]: (deployment) => servedNamesOf(deployment),
  [byProfile]: (deployment) => [deployment.spec.accelerator.profile],
} satisfies Record<string, Indexer<ModelDeployment>>;

/** The ModelDeployment that an object belongs to by its label. */
export function keysOfOwned(object: KubeObject): string[] {
  const { namespace, labels } = object.metadata;
  const name = labels?.[modelDeploymentLabel];
  return name && namespace ? [`${namespace}/${name}`] : [];
}

/**
 * A ModelDeployment itself, and every other whose names depend on whether it gets its own: those that
 * want one of its names, those that want one of theirs, and so on.
 */
export function rivalsOf(
  store: Store<ModelDeployment>,
  deployment: ModelDeployment,
): ModelDeployment[] {
  const rivals = new Map([[keyOf(deployment), deployment]]);
  const names = new Set(servedNamesOf(deployment));
  // Both grow while they are walked.
  for (const name of names) {
    for (const rival of store.byIndex(byServedName, name)) {
      if (rivals.has(keyOf(rival))) continue;
      rivals.set(keyOf(rival), rival);
      for (const other of servedNamesOf(rival)) names.add(other);
    }
  }
  return [...rivals.values()];
}

/** The ModelDeployments that name this profile. */
export function keysOfProfile(
  store: Store<ModelDeployment>,
  profile: AcceleratorProfile,
): string[] {
  return store.byIndex(byProfile, profile.metadata.name).map(keyOf);
}
