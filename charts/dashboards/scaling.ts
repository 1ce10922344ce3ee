import type { Dashboard } from './dashboard.ts';
import { chart, model, percentile, query, rate, replicas, sumRate } from './queries.ts';

const perModel = (gauge: string, what: string) =>
  query(
    `max by (gen_ai_request_model) (fairlead_autoscaler_${gauge}{${model}})`,
    `{{gen_ai_request_model}} ${what}`,
  );
const operator = 'job="fairlead-operator"';
const programs = 'job=~"fairlead-(router|operator)"';

/** Why there are as many replicas as there are, and whether the operator does its work. */
export const scaling: Dashboard = {
  name: 'scaling',
  title: 'Scaling and operator',
  description: 'Load and replicas, cold starts, and the programs themselves.',
  models: 'many',
  rows: [
    {
      title: 'Scaling',
      panels: [
        chart(
          'Load per wanted replica',
          'short',
          query(
            `max by (gen_ai_request_model) (fairlead_autoscaler_signal{${model}})` +
              ` / (max by (gen_ai_request_model) (fairlead_autoscaler_desired_replicas{${model}}) > 0)`,
            '{{gen_ai_request_model}} is',
          ),
          perModel('target', 'should be'),
        ),
        chart(
          'Replicas wanted',
          'short',
          perModel('desired_replicas', 'wanted'),
          perModel('max_replicas', 'at most'),
        ),
        chart(
          'Replicas',
          'short',
          ...['desired', 'ready', 'starting', 'terminating'].map((state) =>
            query(replicas(state), state),
          ),
        ),
        chart(
          'Decisions',
          'ops',
          query(
            sumRate(`fairlead_autoscaler_decisions_total{${model}}`, 'direction, reason'),
            '{{direction}}: {{reason}}',
          ),
        ),
        chart(
          'Waiting for a replica',
          'short',
          query(
            `sum by (gen_ai_request_model) (fairlead_queue_depth{${model}})`,
            '{{gen_ai_request_model}}',
          ),
        ),
        chart(
          'Ends of waiting',
          'reqps',
          query(sumRate(`fairlead_queue_wait_seconds_count{${model}}`, 'outcome'), '{{outcome}}'),
        ),
        chart(
          'Time waited, p95',
          's',
          query(percentile(0.95, 'fairlead_queue_wait_seconds', model, 'outcome'), '{{outcome}}'),
        ),
        chart(
          'Cold starts by stage, median of the range',
          's',
          query(
            `histogram_quantile(0.5, sum by (stage, le) (increase(fairlead_cold_start_seconds_bucket{${model}}[$__range])))`,
            '{{stage}}',
          ),
        ),
        chart(
          'Cold starts in the range',
          'short',
          query(
            `sum by (gen_ai_request_model) (increase(fairlead_cold_start_seconds_count{${model},stage="total"}[$__range]))`,
            '{{gen_ai_request_model}}',
          ),
        ),
      ],
    },
    {
      title: 'Operator',
      panels: [
        chart(
          'Reconciles',
          'ops',
          query(
            sumRate(`controller_runtime_reconcile_total{${operator}}`, 'controller, result'),
            '{{controller}} {{result}}',
          ),
        ),
        chart(
          'Time of a reconcile, p95',
          's',
          query(
            percentile(0.95, 'controller_runtime_reconcile_time_seconds', operator, 'controller'),
            '{{controller}}',
          ),
        ),
        chart(
          'Reconciles that failed',
          'ops',
          query(
            sumRate(`controller_runtime_reconcile_errors_total{${operator}}`, 'controller'),
            '{{controller}}',
          ),
        ),
        chart(
          'Work queue',
          'short',
          query(`sum by (name) (workqueue_depth{${operator}})`, '{{name}} waiting'),
        ),
        chart(
          'Time in the work queue, p95',
          's',
          query(percentile(0.95, 'workqueue_queue_duration_seconds', operator, 'name'), '{{name}}'),
        ),
        chart(
          'Leader',
          'short',
          query(
            'max by (pod) (leader_election_master_status{name="fairlead-operator"})',
            '{{pod}}',
          ),
        ),
        chart(
          'API requests',
          'reqps',
          query(
            sumRate(`rest_client_requests_total{${operator}}`, 'method, code'),
            '{{method}} {{code}}',
          ),
        ),
        chart(
          'API errors',
          'reqps',
          query(
            sumRate(`rest_client_requests_total{${programs},code!~"2.."}`, 'job, code'),
            '{{job}} {{code}}',
          ),
        ),
        chart(
          'Since the last watch event',
          's',
          query(
            `max by (kind) (reflector_last_event_age_seconds{${operator}})`,
            'operator: {{kind}}',
          ),
          query('max by (pod) (fairlead_catalog_age_seconds)', 'router {{pod}}'),
        ),
      ],
    },
    {
      title: 'Programs',
      panels: [
        chart(
          'Processor time',
          'short',
          query(
            `sum by (pod) (${rate(`process_cpu_seconds_total{${programs}}`)})`,
            '{{pod}} cores',
          ),
        ),
        chart(
          'Memory',
          'bytes',
          query(`max by (pod) (process_resident_memory_bytes{${programs}})`, '{{pod}}'),
        ),
        chart(
          'Lateness of the event loop, p99',
          's',
          query(`max by (pod) (nodejs_eventloop_lag_p99_seconds{${programs}})`, '{{pod}}'),
        ),
        chart(
          'Spans lost',
          'ops',
          query(`sum by (pod) (${rate('fairlead_spans_dropped_total')})`, '{{pod}}'),
        ),
        chart(
          'Version',
          'short',
          query('count by (program, version) (fairlead_build_info)', '{{program}} {{version}}'),
        ),
      ],
    },
  ],
};
