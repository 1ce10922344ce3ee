import {
  collectDefaultMetrics,
  type Metric,
  type OpenMetricsContentType,
  Registry,
} from 'prom-client';
import { commonMetrics } from './contract/common-metrics.ts';
import type { MetricDefinition } from './contract/metric.ts';
import { operatorMetrics } from './contract/operator-metrics.ts';
import { routerMetrics } from './contract/router-metrics.ts';
import { Counter, Gauge, Histogram } from './instruments.ts';

/** A registry that can hold exemplars; `expose` renders it. */
export type MetricsRegistry = Registry;

/** Metrics by the names that their definitions have in code. */
type Metrics<D extends Record<string, MetricDefinition>> = {
  readonly [K in keyof D]: MetricOf<D[K]['type'], D[K]['labels'][number]>;
};

type MetricOf<T extends MetricDefinition['type'], L extends string> = {
  counter: Counter<L>;
  gauge: Gauge<L>;
  histogram: Histogram<L>;
}[T];

const { buildInfo, spansDropped } = commonMetrics;
const ofRouter = { ...routerMetrics, spansDropped };
const ofOperator = { ...operatorMetrics, spansDropped };

export type RouterMetrics = Metrics<typeof ofRouter>;
export type OperatorMetrics = Metrics<typeof ofOperator>;

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
  const build = createMetrics(registry, { buildInfo });
  build.buildInfo.set({ program, version, node_version: process.version }, 1);
  return registry;
}

/** Makes the router's metrics in `registry`; call once for each, prom-client refuses a name twice. */
export function createRouterMetrics(registry: MetricsRegistry): RouterMetrics {
  return createMetrics(registry, ofRouter);
}

/** Makes the operator's metrics in `registry`; call once for each. */
export function createOperatorMetrics(registry: MetricsRegistry): OperatorMetrics {
  return createMetrics(registry, ofOperator);
}

function createMetrics<D extends Record<string, MetricDefinition>>(
  registry: MetricsRegistry,
  definitions: D,
): Metrics<D> {
  const made = Object.entries(definitions).map(([key, definition]) => {
    const metric = createMetric(definition);
    // It has what the registry reads of one of prom-client's own.
    registry.registerMetric(metric as unknown as Metric);
    return [key, metric];
  });
  return Object.fromEntries(made);
}

function createMetric(definition: MetricDefinition) {
  if (definition.type === 'counter') return new Counter(definition);
  if (definition.type === 'gauge') return new Gauge(definition);
  return new Histogram(definition);
}
