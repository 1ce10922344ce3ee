import type * as k8s from '@kubernetes/client-node';
import type { KubeObject, ResourceType, Wire } from './object.ts';

/** An object with the usual two halves, in the form the wire has. */
export interface SpecAndStatus<S, U> extends KubeObject {
  spec: Wire<S>;
  status?: Wire<U>;
}

export type Pod = SpecAndStatus<k8s.V1PodSpec, k8s.V1PodStatus>;
export type Node = SpecAndStatus<k8s.V1NodeSpec, k8s.V1NodeStatus>;
export type Service = SpecAndStatus<k8s.V1ServiceSpec, k8s.V1ServiceStatus>;
export type CustomResourceDefinition = SpecAndStatus<
  k8s.V1CustomResourceDefinitionSpec,
  k8s.V1CustomResourceDefinitionStatus
>;
export type Lease = SpecAndStatus<k8s.V1LeaseSpec, never>;
export type ConfigMap = KubeObject & Pick<k8s.V1ConfigMap, 'data' | 'binaryData' | 'immutable'>;
export interface ResourceClaimTemplate extends KubeObject {
  spec: Wire<k8s.V1ResourceClaimTemplateSpec>;
}
/** `data` values are base64. */
export interface Secret extends KubeObject {
  type?: string;
  data?: Record<string, string>;
  stringData?: Record<string, string>;
  immutable?: boolean;
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
export const Nodes = served<Node>('v1', 'Node', { namespaced: false });
export const Namespaces = served<KubeObject>('v1', 'Namespace', { namespaced: false });
export const Services = served<Service>('v1', 'Service');
export const Secrets = served<Secret>('v1', 'Secret');
export const ConfigMaps = served<ConfigMap>('v1', 'ConfigMap');
export const ResourceClaimTemplates = served<ResourceClaimTemplate>(
  'resource.k8s.io/v1',
  'ResourceClaimTemplate',
);
export const Leases = served<Lease>('coordination.k8s.io/v1', 'Lease');
export const Events = served<Event>('events.k8s.io/v1', 'Event');
export const CustomResourceDefinitions = served<CustomResourceDefinition>(
  'apiextensions.k8s.io/v1',
  'CustomResourceDefinition',
  { namespaced: false },
);
