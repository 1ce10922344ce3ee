import {
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type OpenMetricsContentType,
  Registry,
} from 'prom-client';
import { type MetricDefinition, routerMetrics } from './contract.ts';

/** A registry that can hold exemplars; `expose` renders it. */
export type MetricsRegistry = Registry;

/** The router's metrics by their names in the contract. */
export type RouterMetrics = ReturnType<typeof createRouterMetrics>;

/** prom-client's gauges whose names end like a counter's; `promtool check metrics` refuses them. */
const misnamed = ['handles', 'requests', 'resources'].map((of) => `nodejs_active_${of}_total`);

/**
 * Makes a registry with what every program shows: the process, the event loop, the garbage collector
 * and what it was built from.
 */
export function createRegistry(program: string, version: string): MetricsRegistry {
  const openMetrics = new Registry<OpenMetricsContentType>();
  openMetrics.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  // Only what renders a registry needs to know its format; to whom adds metrics it is one like any other.
  const registry = openMetrics as unknown as MetricsRegistry;
  collectDefaultMetrics({ register: registry });
  for (const name of misnamed) registry.removeSingleMetric(name);
  const { name, help, labels } = routerMetrics.buildInfo;
  new Gauge({ name, help, labelNames: labels, registers: [registry] }).set(
    { program, version, node_version: process.version },
    1,
  );
  return registry;
}

/** Makes the router's metrics in `registry`; call once for each, prom-client refuses a name twice. */
export function createRouterMetrics(registry: MetricsRegistry) {
  const m = routerMetrics;
  return {
    requestDuration: histogram(registry, m.requestDuration),
    timeToFirstToken: histogram(registry, m.timeToFirstToken),
    timePerOutputToken: histogram(registry, m.timePerOutputToken),
    tokenUsage: histogram(registry, m.tokenUsage),
    requests: counter(registry, m.requests),
    tokens: counter(registry, m.tokens),
    requestsInFlight: gauge(registry, m.requestsInFlight),
    routerOverhead: histogram(registry, m.routerOverhead),
    routingDecisions: counter(registry, m.routingDecisions),
    routingDuration: histogram(registry, m.routingDuration),
    prefixLookupBlocks: counter(registry, m.prefixLookupBlocks),
    prefixHitBlocks: counter(registry, m.prefixHitBlocks),
    backendRequestsInFlight: gauge(registry, m.backendRequestsInFlight),
    backendPendingTokens: gauge(registry, m.backendPendingTokens),
    upstreamAttempts: counter(registry, m.upstreamAttempts),
    retries: counter(registry, m.retries),
    ejections: counter(registry, m.ejections),
    clientDisconnects: counter(registry, m.clientDisconnects),
    fallbacks: counter(registry, m.fallbacks),
    modelReplicas: gauge(registry, m.modelReplicas),
    catalogAge: gauge(registry, m.catalogAge),
  };
}

type LabelOf<D extends MetricDefinition> = D['labels'][number];

function options<D extends MetricDefinition>(registry: MetricsRegistry, definition: D) {
  const labelNames: LabelOf<D>[] = [...definition.labels];
  return { name: definition.name, help: definition.help, labelNames, registers: [registry] };
}

function counter<D extends MetricDefinition>(registry: MetricsRegistry, definition: D) {
  return new Counter<LabelOf<D>>(options(registry, definition));
}

function gauge<D extends MetricDefinition>(registry: MetricsRegistry, definition: D) {
  return new Gauge<LabelOf<D>>(options(registry, definition));
}

function histogram<D extends MetricDefinition>(registry: MetricsRegistry, definition: D) {
  const buckets = [...(definition.buckets ?? [])];
  return new Histogram<LabelOf<D>>({
    ...options(registry, definition),
    buckets,
    enableExemplars: true,
  });
}
