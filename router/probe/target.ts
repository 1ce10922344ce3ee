import { enginePort } from '../../crds/labels.ts';
import { hasBeenReady, podCondition } from '../../kube/readiness.ts';
import type { Pod } from '../../kube/resources.ts';
import { ownerKey, podState, replicaOf } from '../catalog/replica.ts';

/** A pod that starts, and where its engine tells whether it serves. */
export interface ProbeTarget {
  /** The pod's uid. */
  readonly id: string;
  /** `namespace/name` of its ModelDeployment. */
  readonly owner: string;
  readonly url: string;
}

/**
 * Where a pod can be asked whether it serves already: what the kubelet asks, by its readiness probe. Undefined
 * when there is nothing to ask, when the engine cannot run yet, and when the answer would not be all: the pod
 * has been Ready before and the kubelet took it out, or it has readiness gates or sidecars, which only the
 * kubelet knows of.
 */
export function probeTarget(pod: Pod): ProbeTarget | undefined {
  if (podState(pod) !== 'starting' || hasBeenReady(pod)) return undefined;
  if (podCondition(pod, 'Initialized')?.status !== 'True') return undefined;
  const [container, ...sidecars] = pod.spec.containers;
  if (sidecars.length > 0 || (pod.spec.readinessGates ?? []).length > 0) return undefined;
  const replica = replicaOf(pod);
  const { httpGet } = container?.readinessProbe ?? {};
  if (!replica || !httpGet || (httpGet.scheme ?? 'HTTP') !== 'HTTP') return undefined;
  if (httpGet.port !== enginePort && httpGet.port !== replica.port) return undefined;
  const url = `http://${replica.host}:${replica.port}${httpGet.path ?? '/'}`;
  return { id: replica.id, owner: ownerKey(pod), url };
}
