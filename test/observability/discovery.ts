import type { Kubectl } from '../support/kubectl.ts';

interface Metadata {
  name: string;
  namespace: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

/** A pod, as far as Prometheus tells of it. */
export interface DiscoveredPod {
  metadata: Metadata;
  spec: { containers: { name: string; ports?: { name?: string; containerPort: number }[] }[] };
  status: { podIP?: string; conditions?: { type: string; status: string }[] };
}

/** A Service whose ports have the names of the pods' own ports. */
export interface DiscoveredService {
  metadata: Metadata;
  spec: { selector?: Record<string, string>; ports: { name?: string; targetPort?: unknown }[] };
}

/** A target with its labels, as in a file for `file_sd_configs`. */
export interface Target {
  targets: [string];
  labels: Record<string, string>;
}

/**
 * What Prometheus' own discovery finds in Kubernetes: each port of each pod (role pod), and each of a Service's
 * endpoints (role endpoints), with the labels that it gives (discovery/kubernetes). Debian's Prometheus is built
 * without it, so it is told by a file.
 */
export function targetsOf(
  pods: readonly DiscoveredPod[],
  services: readonly DiscoveredService[],
): Target[] {
  return pods.flatMap((pod) => {
    const { metadata, spec, status } = pod;
    const ready = status.conditions?.find(({ type }) => type === 'Ready')?.status ?? 'Unknown';
    const ofPod = { pod_name: metadata.name, pod_ready: ready.toLowerCase() };
    const common = { namespace: metadata.namespace, ...ofPod, ...named('pod', metadata) };
    const ports = spec.containers.flatMap(({ name, ports: all = [] }) =>
      all.map((port) => ({ container: name, ...port })),
    );
    if (status.podIP === undefined) return [];
    return ports.flatMap(({ container, name = '', containerPort }) => {
      const target = (labels: Record<string, string>): Target => ({
        targets: [`${status.podIP}:${containerPort}`],
        labels: withPrefix({ ...common, pod_container_name: container, ...labels }),
      });
      const endpoints = services.filter((service) => leadsTo(service, pod, name));
      return [
        target({ pod_container_port_name: name }),
        ...endpoints.map(({ metadata: of, spec: { ports: own } }) =>
          target({
            endpoint_port_name: own.find(({ targetPort }) => targetPort === name)?.name ?? '',
            service_name: of.name,
            ...named('service', of),
          }),
        ),
      ];
    });
  });
}

/** The targets of a cluster as it is now. */
export async function discover(kubectl: Kubectl): Promise<Target[]> {
  const list = async <T>(kind: string) =>
    (await kubectl.getJson<{ items: T[] }>(kind, '--all-namespaces')).items;
  return targetsOf(await list<DiscoveredPod>('pods'), await list<DiscoveredService>('services'));
}

function leadsTo(service: DiscoveredService, pod: DiscoveredPod, port: string): boolean {
  const selector = Object.entries(service.spec.selector ?? {});
  return (
    selector.length > 0 &&
    service.metadata.namespace === pod.metadata.namespace &&
    service.spec.ports.some(({ targetPort }) => targetPort === port) &&
    selector.every(([key, value]) => pod.metadata.labels?.[key] === value)
  );
}

function named(of: string, { labels = {}, annotations = {} }: Metadata): Record<string, string> {
  const each = (what: string, values: Record<string, string>) =>
    Object.entries(values).map(([key, value]) => [`${of}_${what}_${labelName(key)}`, value]);
  return Object.fromEntries([...each('label', labels), ...each('annotation', annotations)]);
}

/** A Kubernetes name as part of a label's name. */
export const labelName = (key: string): string => key.replaceAll(/[^a-zA-Z0-9_]/g, '_');

function withPrefix(labels: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels).map(([key, value]) => [`__meta_kubernetes_${key}`, value]),
  );
}
