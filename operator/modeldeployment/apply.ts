import type { EventReason } from '../../crds/events.ts';
import { drainingAnnotation } from '../../crds/labels.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isAlreadyExists, isNotFound, KubeApiError } from '../../kube/errors.ts';
import type { EventRecorder } from '../../kube/events.ts';
import { LeaderWorkerSets, Pods } from '../../kube/resources.ts';
import { replicaGroup } from '../groups/group.ts';
import type { Cause, Departure, Plan } from './plan.ts';
import { type PodTemplate, podName, replicaPod } from './replica-pod.ts';

/** What came of it. */
export interface Applied {
  /** The API server's words when it refuses to make pods: quota, limit range, admission. */
  refusal: string | undefined;
  /** The cluster serves no LeaderWorkerSets, which replicas of several hosts are made of. */
  lacksGroups?: true;
  /** A name was taken by a pod that the cache does not have yet. */
  cacheIsBehind: boolean;
}

export interface ApplyOptions {
  client: KubeClient;
  events: EventRecorder;
  signal: AbortSignal;
  /** Milliseconds since 1970. */
  nowMs: number;
}

export const fieldManager = 'fairlead-operator';

const atOnce = 16;
/** For a pod whose time to finish its requests is over. */
const cutOffGraceSeconds = 5;

const causes: Readonly<Record<Cause, string>> = {
  Dead: 'it had ended',
  Surplus: 'there are more replicas than asked for',
  OldRevision: 'it is of an old revision',
};

/**
 * Carries out a plan: what takes pods away first, each on condition that the pod is still the same one.
 * @param templates of each revision that the plan makes pods of
 * @throws the first error that is neither a refusal nor a sign of a stale cache, after all were tried
 */
export async function applyPlan(
  deployment: ModelDeployment,
  templates: ReadonlyMap<string, { template: PodTemplate }>,
  { drains, undrains, deletes, creates }: Plan,
  { client, events, signal, nowMs }: ApplyOptions,
): Promise<Applied> {
  const { namespace } = deployment.metadata;
  const ofGroup = { propagationPolicy: 'Background', signal } as const;
  const applied: Applied = { refusal: undefined, cacheIsBehind: false };
  const tell = (reason: EventReason, action: string, note: string) =>
    events.record(deployment, { type: 'Normal', reason, action, note });

  const mark = async ({ name, uid }: Departure['replica'], draining: string | null) => {
    const metadata = { uid, annotations: { [drainingAnnotation]: draining } };
    const options = { patchType: 'merge', fieldManager, signal } as const;
    return exists(client.patch(Pods, { namespace, name }, { metadata }, options));
  };
  await inBatches(drains, async ({ replica, cause }) => {
    if (await mark(replica, new Date(nowMs).toISOString()))
      tell('PodDraining', 'Drain', `Draining pod ${replica.name}: ${causes[cause]}`);
  });
  await inBatches(undrains, async (replica) => {
    if (await mark(replica, null))
      tell('PodKept', 'Drain', `Pod ${replica.name} is not drained any more: it is to stay`);
  });
  await inBatches(deletes, async ({ replica: { name, uid, group }, cause, isCutOff }) => {
    if (group) await exists(client.delete(LeaderWorkerSets, { namespace, name: group }, ofGroup));
    const gracePeriodSeconds = isCutOff ? cutOffGraceSeconds : undefined;
    const options = { uid, gracePeriodSeconds, signal };
    // The pods of a group go with it, in their own time.
    const goes = group === undefined || isCutOff;
    if (!goes || (await exists(client.delete(Pods, { namespace, name }, options)))) {
      const how = isCutOff ? `${causes[cause]}, and its drain timeout is over` : causes[cause];
      tell('PodDeleted', 'Delete', `Deleted pod ${name}: ${how}`);
    }
  });

  await inBatches(creates, async (identity) => {
    const of = templates.get(identity.revision);
    // What one pod was refused for, the next would be as well.
    if (applied.refusal !== undefined || applied.lacksGroups || !of) return;
    const name = podName(deployment.metadata.name, identity);
    try {
      const { template } = of;
      const options = { signal, fieldManager };
      if (template.worker) {
        const group = replicaGroup(deployment, template, template.worker, identity);
        await client.create(LeaderWorkerSets, group, options);
      } else await client.create(Pods, replicaPod(deployment, template, identity), options);
    } catch (error) {
      if (isNotFound(error) && of.template.worker) {
        applied.lacksGroups = true;
        return;
      }
      if (isAlreadyExists(error)) {
        applied.cacheIsBehind = true;
        return;
      }
      if (!isRefusal(error)) throw error;
      applied.refusal = words(error);
      return;
    }
    tell('PodCreated', 'Create', `Created pod ${name}`);
  });
  return applied;
}

/** False when the pod is gone, or another one by now: the watch will tell. */
async function exists(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (isNotFound(error) || (error instanceof KubeApiError && error.status === 409)) return false;
    throw error;
  }
}

/** Whether the server understood and will not: admission, quota, or something no pod can have. */
export function isRefusal(error: unknown): boolean {
  return error instanceof KubeApiError && [400, 403, 422].includes(error.status);
}

/** The server's own words, without the request and without the pod's name, so that they stay the same. */
export function words(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message
    .replace(/^[A-Z]+ \S+: \d{3} \w+ /, '')
    .replace(/^(pods|Pod) "[^"]*" is /, 'a pod is ')
    .replace(/\.$/, '');
}

/** Runs all, a few at a time, and throws the first error at the end. */
async function inBatches<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const errors: unknown[] = [];
  for (let start = 0; start < items.length; start += atOnce) {
    const batch = items.slice(start, start + atOnce).map(work);
    for (const result of await Promise.allSettled(batch))
      if (result.status === 'rejected') errors.push(result.reason);
  }
  if (errors.length > 0) throw errors[0];
}
