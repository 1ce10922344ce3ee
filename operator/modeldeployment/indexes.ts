import type { AcceleratorProfile } from '../../crds/acceleratorprofile.ts';
import { modelDeploymentLabel, ownerAnnotation, workerLabel } from '../../crds/labels.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import { servedNamesOf } from '../../crds/names.ts';
import { controllerOf, type KubeObject, keyOf } from '../../kube/object.ts';
import type { Job, PersistentVolumeClaim, Pod } from '../../kube/resources.ts';
import type { Indexer, Store } from '../../kube/store.ts';
import { byJob, jobOfPod, keysOfWanting } from '../cache/state.ts';
import { leaderOf } from '../groups/group.ts';
import { byServedName } from '../names/rivals.ts';

/** Pods that serve requests, by the key of the ModelDeployment that their label names. */
export const byModelDeployment = 'modelDeployment';
/** Pods by their uid. */
export const byUid = 'uid';
/** Pods that compute for another one, by the key of that. */
export const byLeader = 'leader';
/** Whatever a ModelDeployment owns, by the uid of its owner. */
export const byOwner = 'owner';
/** ModelDeployments by the name of their profile. */
export const byProfile = 'profile';

/** ModelDeployments by what their sources name as caches, with the namespace. */
export const byCache = 'cache';

export const podIndexes = {
  [byModelDeployment]: (pod) => (isWorker(pod) ? [] : keysOfOwned(pod)),
  [byLeader]: leaderOf,
  [byUid]: (pod) => [pod.metadata.uid],
  [byJob]: jobOfPod,
} satisfies Record<string, Indexer<Pod>>;

export const ownedIndexes = {
  [byOwner]: (object) => [controllerOf(object)?.uid ?? ''],
} satisfies Record<string, Indexer<KubeObject>>;

export const modelDeploymentIndexes = {
  [byServedName]: (deployment) => servedNamesOf(deployment),
  [byProfile]: (deployment) => [deployment.spec.accelerator.profile],
  [byCache]: ({ metadata, spec }) =>
    [spec.source, ...(spec.adapters ?? []).map(({ source }) => source)].flatMap(({ cache }) =>
      cache === undefined ? [] : [`${metadata.namespace}/${cache}`],
    ),
} satisfies Record<string, Indexer<ModelDeployment>>;

function isWorker({ metadata }: Pod): boolean {
  return metadata.labels?.[workerLabel] !== undefined;
}

/** The uid of a pod's ModelDeployment; of a pod that a LeaderWorkerSet made, the one it was made for. */
export function ownerUidOf(pod: Pod): string | undefined {
  return pod.metadata.annotations?.[ownerAnnotation] ?? controllerOf(pod)?.uid;
}

/** The ModelDeployment that an object belongs to by its label. */
export function keysOfOwned(object: KubeObject): string[] {
  const { namespace, labels } = object.metadata;
  const name = labels?.[modelDeploymentLabel];
  return name && namespace ? [`${namespace}/${name}`] : [];
}

/** The ModelDeployments that name this claim, or the class that it is of, as their cache. */
export function keysOfClaim(
  store: Store<ModelDeployment>,
  { metadata: { name, namespace } }: PersistentVolumeClaim,
): string[] {
  const names = [name, name.replace(/^fairlead-/, '')];
  return names.flatMap((cache) => store.byIndex(byCache, `${namespace}/${cache}`).map(keyOf));
}

/** The ModelDeployments that a pod, an engine's or a loader's, is for. */
export function keysOfPod(jobs: Store<Job>, pod: Pod): string[] {
  const [job] = jobOfPod(pod).flatMap((key) => jobs.get(key) ?? []);
  return job ? keysOfWanting(job) : keysOfOwned(pod);
}

/** The ModelDeployments that name this profile. */
export function keysOfProfile(
  store: Store<ModelDeployment>,
  profile: AcceleratorProfile,
): string[] {
  return store.byIndex(byProfile, profile.metadata.name).map(keyOf);
}
