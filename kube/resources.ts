import type * as k8s from '@kubernetes/client-node';
import type { KubeObject, ResourceType, Wire } from './object.ts';

/** An object with the usual two halves. */
export interface SpecAndStatus<S, U> extends KubeObject {
  spec: Wire<S>;
  status?: Wire<U>;
}

export type Pod = SpecAndStatus<k8s.V1PodSpec, k8s.V1PodStatus>;
export type Service = SpecAndStatus<k8s.V1ServiceSpec, k8s.V1ServiceStatus>;
export type Lease = SpecAndStatus<k8s.V1LeaseSpec, never>;
export type PodDisruptionBudget = SpecAndStatus<
  k8s.V1PodDisruptionBudgetSpec,
  k8s.V1PodDisruptionBudgetStatus
>;
/** client-node's model has `_from` where the wire has `from`. */
export interface NetworkPolicy extends KubeObject {
  spec: Wire<Pick<k8s.V1NetworkPolicySpec, 'podSelector' | 'policyTypes'>> & {
    ingress?: { from?: Wire<k8s.V1NetworkPolicyPeer>[] }[];
  };
}
export type ConfigMap = KubeObject & Pick<k8s.V1ConfigMap, 'data' | 'binaryData' | 'immutable'>;
/** `data` values are base64. */
export type Secret = KubeObject & Pick<k8s.V1Secret, 'type' | 'data' | 'stringData' | 'immutable'>;
export type Job = SpecAndStatus<k8s.V1JobSpec, k8s.V1JobStatus>;
export type PersistentVolumeClaim = SpecAndStatus<
  k8s.V1PersistentVolumeClaimSpec,
  k8s.V1PersistentVolumeClaimStatus
>;
/** leaderworkerset.x-k8s.io/v1, as far as it is written. */
export interface LeaderWorkerSet extends KubeObject {
  spec: {
    replicas: number;
    leaderWorkerTemplate: {
      size: number;
      restartPolicy: 'RecreateGroupOnPodRestart' | 'None';
      leaderTemplate: GroupPodTemplate;
      workerTemplate: GroupPodTemplate;
    };
  };
}
interface GroupPodTemplate {
  metadata: { labels?: Record<string, string>; annotations?: Record<string, string> };
  spec: Pod['spec'];
}
export interface ResourceClaimTemplate extends KubeObject {
  spec: Wire<k8s.V1ResourceClaimTemplateSpec>;
}
export type HorizontalPodAutoscaler = SpecAndStatus<
  k8s.V2HorizontalPodAutoscalerSpec,
  k8s.V2HorizontalPodAutoscalerStatus
>;
/** `data` never changes once it is made. */
export interface ControllerRevision extends KubeObject {
  data: object;
  revision: number;
}
/** events.k8s.io/v1; times have microseconds (metav1.MicroTime). */
export interface Event extends KubeObject {
  eventTime: string;
  series?: { count: number; lastObservedTime: string };
  reportingController: string;
  reportingInstance: string;
  action: string;
  reason: string;
  regarding: k8s.V1ObjectReference;
  note: string;
  type: 'Normal' | 'Warning';
}

/**
 * Where a kind is served, for kinds that are not below.
 * @param plural by default the kind in lower case with an s
 */
export function served<T extends KubeObject>(
  groupVersion: string,
  kind: string,
  { namespaced = true, plural = `${kind.toLowerCase()}s` } = {},
): ResourceType<T> {
  const [version = '', group = ''] = groupVersion.split('/').reverse();
  return { group, version, kind, plural, namespaced };
}

export const Pods = served<Pod>('v1', 'Pod');
export const Services = served<Service>('v1', 'Service');
export const Secrets = served<Secret>('v1', 'Secret');
export const LeaderWorkerSets = served<LeaderWorkerSet>(
  'leaderworkerset.x-k8s.io/v1',
  'LeaderWorkerSet',
);
export const Jobs = served<Job>('batch/v1', 'Job');
export const PersistentVolumeClaims = served<PersistentVolumeClaim>('v1', 'PersistentVolumeClaim');
export const ConfigMaps = served<ConfigMap>('v1', 'ConfigMap');
export const ResourceClaimTemplates = served<ResourceClaimTemplate>(
  'resource.k8s.io/v1',
  'ResourceClaimTemplate',
);
export const ControllerRevisions = served<ControllerRevision>('apps/v1', 'ControllerRevision');
export const PodDisruptionBudgets = served<PodDisruptionBudget>('policy/v1', 'PodDisruptionBudget');
export const HorizontalPodAutoscalers = served<HorizontalPodAutoscaler>(
  'autoscaling/v2',
  'HorizontalPodAutoscaler',
);
export const NetworkPolicies = served<NetworkPolicy>('networking.k8s.io/v1', 'NetworkPolicy', {
  plural: 'networkpolicies',
});
export const Leases = served<Lease>('coordination.k8s.io/v1', 'Lease');
export const Events = served<Event>('events.k8s.io/v1', 'Event');
