import { labelName } from './discovery.ts';

/** A ServiceMonitor or PodMonitor as the chart renders it, as far as it is read here. */
export interface Monitor {
  kind: string;
  metadata: { name: string; namespace: string };
  spec: {
    namespaceSelector?: { any?: boolean; matchNames?: string[] };
    selector: {
      matchLabels?: Record<string, string>;
      matchExpressions?: { key: string; operator: string; values: string[] }[];
    };
    endpoints?: Endpoint[];
    podMetricsEndpoints?: Endpoint[];
  };
}

interface Endpoint {
  port: string;
  honorLabels?: boolean;
  relabelings?: { sourceLabels?: string[]; targetLabel?: string; [field: string]: unknown }[];
}

/**
 * Scrape configurations of Prometheus that do what prometheus-operator makes of a monitor: the targets that its
 * selectors choose, its labels, then the monitor's own relabellings (pkg/prometheus/promcfg.go).
 * @param targetsPath the file with all targets of the cluster
 */
export function scrapeConfigsOf(monitor: Monitor, targetsPath: string): object[] {
  const { kind, metadata, spec } = monitor;
  const isPod = kind === 'PodMonitor';
  const endpoints = (isPod ? spec.podMetricsEndpoints : spec.endpoints) ?? [];
  const namespaces = spec.namespaceSelector?.matchNames ?? [metadata.namespace];
  const of = isPod ? 'pod' : 'service';
  const port = isPod ? 'pod_container_port_name' : 'endpoint_port_name';
  return endpoints.map((endpoint, index) => ({
    job_name: `${kind}/${metadata.namespace}/${metadata.name}/${index}`,
    honor_labels: endpoint.honorLabels ?? false,
    file_sd_configs: [{ files: [targetsPath], refresh_interval: '1s' }],
    relabel_configs: [
      ...(spec.namespaceSelector?.any ? [] : [keep('namespace', namespaces.join('|'))]),
      ...Object.entries(spec.selector.matchLabels ?? {}).map(([key, value]) =>
        keep(`${of}_label_${labelName(key)}`, value),
      ),
      ...(spec.selector.matchExpressions ?? []).map(({ key, values }) =>
        keep(`${of}_label_${labelName(key)}`, values.join('|')),
      ),
      keep(port, endpoint.port),
      copy('namespace', 'namespace'),
      copy('pod_container_name', 'container'),
      copy('pod_name', 'pod'),
      ...(isPod ? [] : [copy('service_name', 'service'), copy('service_name', 'job')]),
      ...(isPod ? [{ target_label: 'job', replacement: jobOf(metadata) }] : []),
      { target_label: 'endpoint', replacement: endpoint.port },
      ...(endpoint.relabelings ?? []).map(({ sourceLabels, targetLabel, ...rest }) => ({
        ...rest,
        ...(sourceLabels && { source_labels: sourceLabels }),
        ...(targetLabel ? { target_label: targetLabel } : {}),
      })),
    ],
  }));
}

const jobOf = ({ namespace, name }: Monitor['metadata']) => `${namespace}/${name}`;
const meta = (name: string) => [`__meta_kubernetes_${name}`];

function keep(name: string, regex: string): object {
  return { action: 'keep', source_labels: meta(name), regex };
}

function copy(name: string, target: string): object {
  return { source_labels: meta(name), target_label: target };
}
