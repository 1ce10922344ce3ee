import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isAlreadyExists, isNotFound, unless } from '../../kube/errors.ts';
import { type Job, Jobs, PersistentVolumeClaims } from '../../kube/resources.ts';
import type { OperatorConfig } from '../config.ts';
import { fieldManager, isRefusal, words } from '../modeldeployment/apply.ts';
import type { Resolved } from '../modeldeployment/pod.ts';
import type { CacheLoad } from '../weights/cache.ts';
import { cacheClaim, cacheJob, jobName, ownerReference } from './job.ts';
import { byWanting, isComplete, type LoadStores } from './state.ts';

interface Using {
  client: KubeClient;
  signal: AbortSignal;
  stores: Pick<LoadStores, 'claims' | 'jobs'>;
  settings: Pick<OperatorConfig, 'cacheClasses' | 'loader'>;
}

/**
 * Brings the Jobs of a ModelDeployment's loads to what it wants: a claim for a cache class, a Job for each
 * load, none for what it does not want any more.
 * @returns `refusal`: the API server's words when it will not have one
 */
export async function bringLoads(
  deployment: ModelDeployment,
  resolved: Resolved,
  { client, signal, stores, settings }: Using,
): Promise<{ refusal: string } | undefined> {
  const { namespace, uid } = deployment.metadata;
  const options = { signal, fieldManager };
  const wanted = new Set<string>();
  for (const load of resolved.weights.loads ?? []) {
    const name = await bringLoad(load);
    if (typeof name === 'object') return name;
    if (name !== undefined) wanted.add(name);
  }
  for (const job of stores.jobs.byIndex(byWanting, uid))
    if (!wanted.has(job.metadata.name)) await giveUp(job);
  return undefined;

  async function bringLoad(load: CacheLoad): Promise<{ refusal: string } | string | undefined> {
    const claim = stores.claims.get(namespace ? `${namespace}/${load.claim}` : load.claim);
    const ofClass =
      load.cacheClass === undefined ? undefined : settings.cacheClasses[load.cacheClass];
    if (!claim) {
      const intent = ofClass && cacheClaim(namespace, load.claim, ofClass);
      return intent && attempt(client.create(PersistentVolumeClaims, intent, options));
    }
    const name = jobName(load, claim);
    const job = stores.jobs.get(namespace ? `${namespace}/${name}` : name);
    if (!job) {
      const intent = cacheJob(deployment, resolved, load, claim, settings.loader);
      return (await attempt(client.create(Jobs, intent, options))) ?? name;
    }
    if (!job.metadata.ownerReferences?.some((owner) => owner.uid === uid))
      await own(job, [...(job.metadata.ownerReferences ?? []), ownerReference(deployment)]);
    else if (!isComplete(job) && isOnlyOwner(job) && secretOf(job) !== load.source.secretName)
      await remove(job);
    return name;
  }

  /** What others want as well is theirs; what nobody wants is loaded no further. */
  async function giveUp(job: Job): Promise<void> {
    if (isOnlyOwner(job)) return remove(job);
    await own(job, job.metadata.ownerReferences?.filter((owner) => owner.uid !== uid) ?? []);
  }

  async function own(job: Job, ownerReferences: object[]): Promise<void> {
    const { name, resourceVersion } = job.metadata;
    const body = { metadata: { resourceVersion, ownerReferences } };
    await client.patch(Jobs, { namespace, name }, body, { patchType: 'merge', ...options });
  }

  async function remove(job: Job): Promise<void> {
    const { uid: ofJob } = job.metadata;
    const deletion = { uid: ofJob, propagationPolicy: 'Background', signal } as const;
    await unless(isNotFound, client.delete(Jobs, job.metadata, deletion));
  }
}

/** A create; one of that name that is there already, and the cache has yet to learn of, is as good. */
async function attempt(create: Promise<unknown>): Promise<{ refusal: string } | undefined> {
  try {
    await create;
  } catch (error) {
    if (isRefusal(error)) return { refusal: words(error) };
    if (!isAlreadyExists(error)) throw error;
  }
  return undefined;
}

function isOnlyOwner({ metadata }: Job): boolean {
  return metadata.ownerReferences?.length === 1;
}

function secretOf({ spec }: Job): string | undefined {
  return spec.template.spec?.containers[0]?.envFrom?.[0]?.secretRef?.name;
}
