import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isAlreadyExists, isNotFound, KubeApiError } from '../../kube/errors.ts';
import type { EventRecorder } from '../../kube/events.ts';
import { Pods, ResourceClaimTemplates } from '../../kube/resources.ts';
import { claimTemplateOf } from './claim-template.ts';
import type { DeleteCause, Plan } from './plan.ts';
import { podName, type Resolved, renderPod } from './pod.ts';

/** What came of it. */
export interface Applied {
  /** The API server's words when it refuses to make pods: quota, limit range, admission. */
  refusal: string | undefined;
  /** A name was taken by a pod that the cache does not have yet. */
  cacheIsBehind: boolean;
}

const atOnce = 16;
const fieldManager = 'fairlead-operator';

const causes: Readonly<Record<DeleteCause, string>> = {
  Dead: 'it had ended',
  Surplus: 'there are more replicas than asked for',
  OldRevision: 'it is of an old revision',
};

/**
 * Carries out a plan: deletions first, each on condition that the pod is still the same one.
 * @throws the first error that is neither a refusal nor a sign of a stale cache, after all were tried
 */
export async function applyPlan(
  deployment: ModelDeployment,
  resolved: Resolved,
  revision: string,
  { deletes, creates }: Plan,
  { client, events, signal }: { client: KubeClient; events: EventRecorder; signal: AbortSignal },
): Promise<Applied> {
  const { namespace } = deployment.metadata;
  const applied: Applied = { refusal: undefined, cacheIsBehind: false };

  await inBatches(deletes, async ({ replica, cause }) => {
    const { name, uid } = replica;
    try {
      await client.delete(Pods, { namespace, name }, { uid, signal });
    } catch (error) {
      // Gone, or another pod by now: the watch will tell.
      if (isNotFound(error) || (error instanceof KubeApiError && error.status === 409)) return;
      throw error;
    }
    const note = `Deleted pod ${name}: ${causes[cause]}`;
    events.record(deployment, { type: 'Normal', reason: 'PodDeleted', action: 'Delete', note });
  });

  const template = creates.length > 0 && claimTemplateOf(deployment, resolved.profile);
  if (template) {
    try {
      await client.create(ResourceClaimTemplates, template, { signal, fieldManager });
    } catch (error) {
      if (isNotFound(error)) applied.refusal = 'this cluster serves no ResourceClaimTemplates';
      else if (isRefusal(error)) applied.refusal = words(error);
      else if (!isAlreadyExists(error)) throw error;
    }
  }

  await inBatches(creates, async ({ slot, attempt }) => {
    // What one pod was refused for, the next would be as well.
    if (applied.refusal !== undefined) return;
    const identity = { revision, slot, attempt };
    const name = podName(deployment.metadata.name, identity);
    try {
      await client.create(Pods, renderPod(deployment, resolved, identity), {
        signal,
        fieldManager,
      });
    } catch (error) {
      if (isAlreadyExists(error)) {
        applied.cacheIsBehind = true;
        return;
      }
      if (!isRefusal(error)) throw error;
      applied.refusal = words(error);
      return;
    }
    const note = `Created pod ${name}`;
    events.record(deployment, { type: 'Normal', reason: 'PodCreated', action: 'Create', note });
  });
  return applied;
}

/** Whether the server understood and will not: admission, quota, or something no pod can have. */
function isRefusal(error: unknown): boolean {
  return error instanceof KubeApiError && [400, 403, 422].includes(error.status);
}

/** The server's own words, without the request and without the pod's name, so that they stay the same. */
function words(error: unknown): string {
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
