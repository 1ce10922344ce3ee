import type { Dashboard } from './dashboard.ts';
import {
  chart,
  failed,
  model,
  percentile,
  percentiles,
  query,
  rate,
  replicas,
  requests,
  stat,
  sumRate,
} from './queries.ts';

const firstToken = 'gen_ai_server_time_to_first_token_seconds';
const perToken = 'gen_ai_server_time_per_output_token_seconds';
const duration = 'gen_ai_server_request_duration_seconds';
const accelerators = 'gen_ai_request_model, namespace, accelerator';
/** What the replicas cost in a second, where their AcceleratorProfiles tell a price. */
const costPerSecond =
  `sum (sum by (${accelerators}) (${rate(`fairlead_replica_seconds_total{${model}}`)})` +
  ` * on (${accelerators}) max by (${accelerators}) (fairlead_replica_price_per_hour{${model}})) / 3600`;
const tokens = `fairlead_tokens_total{${model},type=~"input|output"}`;
const goodput =
  `${sumRate(`${firstToken}_bucket{${model},le="2.5"}`)}` +
  ` / (${sumRate(`${firstToken}_count{${model}}`)} > 0)`;

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
          ...stat(
            'Availability',
            'percentunit',
            `1 - (${sumRate(failed)} or vector(0)) / (${sumRate(requests)} > 0)`,
          ),
          description: 'Requests that neither failed nor timed out nor were turned away.',
        },
        stat('Time to first token, p95', 's', percentile(0.95, firstToken)),
        stat('Time per output token, p95', 's', percentile(0.95, perToken)),
        {
          ...stat('Goodput', 'percentunit', goodput),
          description: 'Streams whose first token came within 2.5 s.',
        },
        stat('In flight', 'short', `sum (fairlead_requests_in_flight{${model}})`),
        {
          ...stat(
            'Cost of a million tokens',
            'none',
            `1e6 * ${costPerSecond} / (${sumRate(tokens)} > 0)`,
          ),
          description: 'Input and output, in the currency of AcceleratorProfiles’ pricePerHour.',
        },
      ],
    },
    {
      title: 'Requests',
      panels: [
        chart('Requests by outcome', 'reqps', query(sumRate(requests, 'outcome'), '{{outcome}}')),
        chart(
          'Errors by type',
          'reqps',
          query(
            sumRate(`${duration}_count{${model},error_type!=""}`, 'error_type'),
            '{{error_type}}',
          ),
        ),
        {
          ...chart(
            'Tokens',
            'short',
            query(sumRate(`fairlead_tokens_total{${model}}`, 'type'), '{{type}} per second'),
          ),
          description: 'cached_input is part of input, reasoning of output.',
        },
        chart('Time to first token', 's', ...percentiles(firstToken)),
        chart('Time per output token', 's', ...percentiles(perToken)),
        chart('Duration of whole requests', 's', ...percentiles(duration)),
        chart(
          'Waiting for a replica',
          'short',
          query(
            `sum by (gen_ai_request_model) (fairlead_queue_depth{${model}})`,
            '{{gen_ai_request_model}}',
          ),
        ),
        {
          ...chart(
            'Time in the router itself',
            's',
            ...percentiles('fairlead_router_overhead_seconds', ''),
          ),
          description: 'Neither receiving, queueing nor waiting for an engine; all models.',
        },
      ],
    },
    {
      title: 'Capacity',
      panels: [
        chart(
          'Replicas',
          'short',
          ...['desired', 'ready', 'starting', 'terminating'].map((state) =>
            query(replicas(state), state),
          ),
        ),
        {
          ...chart('Cost per hour', 'none', query(`3600 * ${costPerSecond}`, 'all chosen models')),
          description: 'Of replicas whose AcceleratorProfile has a pricePerHour.',
        },
      ],
    },
  ],
};
