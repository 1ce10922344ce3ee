import type { MetricDefinition } from './metric.ts';

/** Metrics of both programs beside those of the process, the event loop and the garbage collector. */
export const commonMetrics = {
  buildInfo: {
    name: 'fairlead_build_info',
    type: 'gauge',
    unit: '1',
    help: 'Always 1; the labels tell what runs',
    labels: ['program', 'version', 'node_version'],
  },
  spansDropped: {
    name: 'fairlead_spans_dropped_total',
    type: 'counter',
    unit: '1',
    help: 'Spans lost because their queue was full or the collector did not take them',
    labels: [],
  },
} as const satisfies Record<string, MetricDefinition>;
