import type { KubeClient } from '../../kube/client.ts';
import type { KubeObject } from '../../kube/object.ts';
import { served } from '../../kube/resources.ts';
import type { Caller } from './caller.ts';

interface SubjectAccessReview extends KubeObject {
  spec: { user: string; groups: string[]; resourceAttributes: Record<string, string> };
  status?: { allowed: boolean };
}

const SubjectAccessReviews = served<SubjectAccessReview>(
  'authorization.k8s.io/v1',
  'SubjectAccessReview',
  { namespaced: false },
);

/** An answer of the API server counts this long, as in its own aggregated APIs. */
const keptMs = 10_000;
const mostKept = 1_000;

/** Whether somebody may read a metric. */
export type MayRead = (caller: Caller, namespace: string, metric: string) => Promise<boolean>;

/**
 * Asks the API server who may read metrics, by SubjectAccessReviews.
 * @param nowMs a monotonic clock
 */
export function createMayRead(client: Pick<KubeClient, 'create'>, nowMs: () => number): MayRead {
  const known = new Map<string, { isAllowed: boolean; untilMs: number }>();
  return async function mayRead({ user, groups }, namespace, metric) {
    const key = JSON.stringify([user, groups, namespace, metric]);
    const last = known.get(key);
    if (last && nowMs() < last.untilMs) return last.isAllowed;
    const group = 'external.metrics.k8s.io';
    const resourceAttributes = {
      group,
      version: 'v1beta1',
      resource: metric,
      namespace,
      verb: 'list',
    };
    const spec = { user, groups, resourceAttributes };
    const metadata = {} as SubjectAccessReview['metadata'];
    const { status } = await client.create(SubjectAccessReviews, { metadata, spec });
    const isAllowed = status?.allowed === true;
    if (known.size >= mostKept) known.clear();
    known.set(key, { isAllowed, untilMs: nowMs() + keptMs });
    return isAllowed;
  };
}
