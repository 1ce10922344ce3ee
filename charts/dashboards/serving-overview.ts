import type { Dashboard } from './dashboard.ts';
import {
  failed,
  model,
  percentile,
  percentiles,
  rate,
  replicas,
  requests,
  sumRate,
} from './queries.ts';

const firstToken = 'gen_ai_server_time_to_first_token_seconds';
const perToken = 'gen_ai_server_time_per_output_token_seconds';
const accelerators = 'gen_ai_request_model, namespace, accelerator';
/** What the replicas cost in a second, where their AcceleratorProfiles tell a price. */
const costPerSecond =
  `sum (sum by (${accelerators}) (${rate(`fairlead_replica_seconds_total{${model}}`)})` +
  ` * on (${accelerators}) max by (${accelerators}) (fairlead_replica_price_per_hour{${model}})) / 3600`;
const tokens = `fairlead_tokens_total{${model},type=~"input|output"}`;

/** Whether clients are served well, and at what cost. */
export const servingOverview: Dashboard = {
  name: 'serving-overview',
  title: 'Serving overview',
  description: 'Whether clients are served well: errors, latencies, load, replicas and cost.',
  models: 'many',
  rows: [
    {
      title: 'Now',
      panels: [
        {
          title: 'Availability',
          description: 'Requests that neither failed nor timed out nor were turned away.',
          kind: 'stat',
          unit: 'percentunit',
          width: 4,
          queries: [
            {
              expr: `1 - (${sumRate(failed)} or vector(0)) / (${sumRate(requests)} > 0)`,
              legend: '',
            },
          ],
        },
        {
          title: 'Time to first token, p95',
          kind: 'stat',
          unit: 's',
          width: 4,
          queries: [{ expr: percentile(0.95, firstToken), legend: '' }],
        },
        {
          title: 'Time per output token, p95',
          kind: 'stat',
          unit: 's',
          width: 4,
          queries: [{ expr: percentile(0.95, perToken), legend: '' }],
        },
        {
          title: 'Goodput',
          description: 'Streams whose first token came within 2.5 s.',
          kind: 'stat',
          unit: 'percentunit',
          width: 4,
          queries: [
            {
              expr:
                `${sumRate(`${firstToken}_bucket{${model},le="2.5"}`)}` +
                ` / (${sumRate(`${firstToken}_count{${model}}`)} > 0)`,
              legend: '',
            },
          ],
        },
        {
          title: 'In flight',
          kind: 'stat',
          unit: 'short',
          width: 4,
          queries: [{ expr: `sum (fairlead_requests_in_flight{${model}})`, legend: '' }],
        },
        {
          title: 'Cost of a million tokens',
          description: 'Input and output, in the currency of AcceleratorProfiles’ pricePerHour.',
          kind: 'stat',
          unit: 'none',
          width: 4,
          queries: [{ expr: `1e6 * ${costPerSecond} / (${sumRate(tokens)} > 0)`, legend: '' }],
        },
      ],
    },
    {
      title: 'Requests',
      panels: [
        {
          title: 'Requests by outcome',
          kind: 'timeseries',
          unit: 'reqps',
          width: 12,
          queries: [{ expr: sumRate(requests, 'outcome'), legend: '{{outcome}}' }],
        },
        {
          title: 'Errors by type',
          kind: 'timeseries',
          unit: 'reqps',
          width: 12,
          queries: [
            {
              expr: sumRate(
                `gen_ai_server_request_duration_seconds_count{${model},error_type!=""}`,
                'error_type',
              ),
              legend: '{{error_type}}',
            },
          ],
        },
        {
          title: 'Time to first token',
          kind: 'timeseries',
          unit: 's',
          width: 8,
          queries: percentiles(firstToken),
        },
        {
          title: 'Time per output token',
          kind: 'timeseries',
          unit: 's',
          width: 8,
          queries: percentiles(perToken),
        },
        {
          title: 'Duration of whole requests',
          kind: 'timeseries',
          unit: 's',
          width: 8,
          queries: percentiles('gen_ai_server_request_duration_seconds'),
        },
        {
          title: 'Tokens',
          description: 'cached_input is part of input, reasoning of output.',
          kind: 'timeseries',
          unit: 'short',
          width: 8,
          queries: [
            {
              expr: sumRate(`fairlead_tokens_total{${model}}`, 'type'),
              legend: '{{type}} per second',
            },
          ],
        },
        {
          title: 'Waiting for a replica',
          kind: 'timeseries',
          unit: 'short',
          width: 8,
          queries: [
            {
              expr: `sum by (gen_ai_request_model) (fairlead_queue_depth{${model}})`,
              legend: '{{gen_ai_request_model}}',
            },
          ],
        },
        {
          title: 'Time in the router itself',
          description: 'Neither receiving, queueing nor waiting for an engine; all models.',
          kind: 'timeseries',
          unit: 's',
          width: 8,
          queries: percentiles('fairlead_router_overhead_seconds', ''),
        },
      ],
    },
    {
      title: 'Capacity',
      panels: [
        {
          title: 'Replicas',
          kind: 'timeseries',
          unit: 'short',
          width: 12,
          queries: ['desired', 'ready', 'starting', 'terminating'].map((state) => ({
            expr: replicas(state),
            legend: state,
          })),
        },
        {
          title: 'Cost per hour',
          description: 'Of replicas whose AcceleratorProfile has a pricePerHour.',
          kind: 'timeseries',
          unit: 'none',
          width: 12,
          queries: [{ expr: `3600 * ${costPerSecond}`, legend: 'all chosen models' }],
        },
      ],
    },
  ],
};
