import type { Job, PersistentVolumeClaim, Pod } from '../../kube/resources.ts';
import type { Indexer, Store } from '../../kube/store.ts';
import { type Problem, problemOf } from '../modeldeployment/problem.ts';
import type { CacheLoad } from '../weights/cache.ts';
import { type Progress, progressText } from '../weights/progress-text.ts';
import { isLoader } from '../weights/weights.ts';
import { jobName } from './job.ts';

/** Jobs by the uid of every ModelDeployment that wants them. */
export const byWanting = 'wanting';
/** Pods by the key of the Job that they are of. */
export const byJob = 'job';

export const jobIndexes = {
  [byWanting]: ({ metadata }) => (metadata.ownerReferences ?? []).map(({ uid }) => uid),
} satisfies Record<string, Indexer<Job>>;

/** The key of the Job that a pod is of; the Job controller's own label. */
export function jobOfPod({ metadata }: Pod): string[] {
  const name = metadata.labels?.['batch.kubernetes.io/job-name'];
  return name === undefined ? [] : [`${metadata.namespace}/${name}`];
}

/** What the caches of this process know of loads. */
export interface LoadStores {
  claims: Store<PersistentVolumeClaim>;
  /** With {@link jobIndexes}. */
  jobs: Store<Job>;
  /** With the index {@link byJob}. */
  pods: Store<Pod>;
  progressOf(uid: string): Progress | undefined;
}

/** How one load is. */
export interface LoadState {
  what: 'Job' | 'PersistentVolumeClaim';
  name: string;
  /** Undefined when the cache has the weights. */
  problem: Problem | undefined;
}

/** How each load is, in the same order. */
export function loadStates(
  namespace: string | undefined,
  loads: readonly CacheLoad[],
  stores: LoadStores,
): LoadState[] {
  const { claims, jobs, pods, progressOf } = stores;
  const keyOf = (name: string) => (namespace ? `${namespace}/${name}` : name);
  return loads.map((load) => {
    const claim = claims.get(keyOf(load.claim));
    const named: Pick<LoadState, 'what' | 'name'> = claim
      ? { what: 'Job', name: jobName(load, claim) }
      : { what: 'PersistentVolumeClaim', name: load.claim };
    const job = claim && jobs.get(keyOf(named.name));
    if (!job) return { ...named, problem: { reason: 'LoadingWeights', message: 'is being made' } };
    if (isComplete(job)) return { ...named, problem: undefined };
    const [pod] = pods
      .byIndex(byJob, keyOf(job.metadata.name))
      .toSorted(({ metadata: a }, { metadata: b }) =>
        b.creationTimestamp.localeCompare(a.creationTimestamp),
      );
    if (!pod) return { ...named, problem: { reason: 'LoadingWeights', message: 'has no pod yet' } };
    return { ...named, problem: problemOfLoad(pod, progressOf(pod.metadata.uid)) };
  });
}

/** The ModelDeployments that want what a Job loads. */
export function keysOfWanting({ metadata }: Job): string[] {
  return (metadata.ownerReferences ?? []).map(({ name }) => `${metadata.namespace}/${name}`);
}

export function isComplete({ status }: Job): boolean {
  return (
    status?.conditions?.some(({ type, status: is }) => type === 'Complete' && is === 'True') ??
    false
  );
}

/** A loader that is a pod's only container is judged as one that runs before an engine. */
function problemOfLoad(pod: Pod, progress: Progress | undefined): Problem {
  const { status } = pod;
  const loaders = status?.containerStatuses ?? [];
  const problem = problemOf({
    ...pod,
    status: {
      ...status,
      conditions: status?.conditions?.filter(({ type }) => type !== 'Ready'),
      initContainerStatuses: loaders
        .filter(({ name }) => isLoader(name))
        .map((loader) => ({ ...loader, ready: false })),
      containerStatuses: [],
    },
  } as Pod);
  if (status?.phase === 'Succeeded' || !problem)
    return { reason: 'LoadingWeights', message: 'is about to end' };
  return withProgress(problem, progress);
}

/** A load that runs, with how far it is. */
export function withProgress<P extends Problem | undefined>(
  problem: P,
  progress: Progress | undefined,
): P {
  if (problem?.reason !== 'LoadingWeights' || !progress) return problem;
  return { ...problem, message: `${problem.message}: ${progressText(progress)}` };
}
