import type { Dashboard } from './dashboard.ts';
import { chart, model, percentile, percentiles, query, requests, sumRate } from './queries.ts';

/** An engine's gauge, one line a replica. */
const ofReplicas = (gauge: string) => query(`sum by (pod) (${gauge}{${model}})`, '{{pod}}');
/** A gauge of dcgm-exporter, of the accelerators that the model's replicas have. */
const ofAccelerators = (gauge: string) =>
  query(
    `max by (pod, gpu) (${gauge} and on (namespace, pod) up{job="fairlead-engine",${model}})`,
    '{{pod}} GPU {{gpu}}',
  );
const backends = (gauge: string) =>
  query(`sum by (backend) (fairlead_backend_${gauge}{${model}})`, '{{backend}}');
const ratio = (part: string, whole: string) => `${sumRate(part)} / (${sumRate(whole)} > 0)`;

/** One model: how its replicas share the load, and what their engines and accelerators do. */
export const modelDetail: Dashboard = {
  name: 'model-detail',
  title: 'Model detail',
  description: 'One model: its requests, replicas, engines and accelerators.',
  models: 'one',
  rows: [
    {
      title: 'Requests',
      panels: [
        chart('Requests by outcome', 'reqps', query(sumRate(requests, 'outcome'), '{{outcome}}')),
        chart(
          'Time to first token',
          's',
          ...percentiles('gen_ai_server_time_to_first_token_seconds'),
        ),
        chart(
          'Time per output token',
          's',
          ...percentiles('gen_ai_server_time_per_output_token_seconds'),
        ),
        chart(
          'Tokens per request, mean',
          'short',
          query(
            `${sumRate(`gen_ai_client_token_usage_sum{${model}}`, 'gen_ai_token_type')}` +
              ` / (${sumRate(`gen_ai_client_token_usage_count{${model}}`, 'gen_ai_token_type')} > 0)`,
            '{{gen_ai_token_type}}',
          ),
        ),
        chart(
          'Retries',
          'reqps',
          query(sumRate(`fairlead_retries_total{${model}}`, 'reason'), '{{reason}}'),
        ),
        chart(
          'Clients gone',
          'reqps',
          query(sumRate(`fairlead_client_disconnects_total{${model}}`, 'phase'), '{{phase}}'),
        ),
      ],
    },
    {
      title: 'Replicas, as the routers see them',
      panels: [
        chart('In flight', 'short', backends('requests_in_flight')),
        chart('Prompt tokens not yet computed', 'short', backends('pending_tokens')),
        chart(
          'In use',
          'short',
          query(`max by (backend) (fairlead_backend_up{${model}})`, '{{backend}}'),
        ),
        chart(
          'What decided the choice',
          'ops',
          query(
            sumRate(`fairlead_routing_decisions_total{${model}}`, 'policy, reason'),
            '{{policy}}: {{reason}}',
          ),
        ),
        chart(
          'Prompt expected in the prefix cache',
          'percentunit',
          query(
            ratio(
              `fairlead_prefix_hit_blocks_total{${model}}`,
              `fairlead_prefix_lookup_blocks_total{${model}}`,
            ),
            'of the chosen replica',
          ),
        ),
        chart(
          'Replicas left out',
          'ops',
          query(sumRate(`fairlead_ejections_total{${model}}`, 'reason'), '{{reason}}'),
        ),
      ],
    },
    {
      title: 'Engine: vLLM',
      panels: [
        chart('Running', 'short', ofReplicas('vllm:num_requests_running')),
        chart('Waiting in the engine', 'short', ofReplicas('vllm:num_requests_waiting')),
        chart('KV cache in use', 'percentunit', ofReplicas('vllm:kv_cache_usage_perc')),
        chart(
          'Prefix cache hits',
          'percentunit',
          query(
            ratio(
              `vllm:prefix_cache_hits_total{${model}}`,
              `vllm:prefix_cache_queries_total{${model}}`,
            ),
            'of the prompts’ tokens',
          ),
        ),
        chart(
          'Finish reasons',
          'reqps',
          query(
            sumRate(`vllm:request_success_total{${model}}`, 'finished_reason'),
            '{{finished_reason}}',
          ),
        ),
        chart(
          'Time to first token in the engine, p95',
          's',
          query(
            percentile(0.95, 'vllm:time_to_first_token_seconds', model, 'revision'),
            'revision {{revision}}',
          ),
        ),
      ],
    },
    {
      title: 'Engine: llama.cpp',
      panels: [
        chart('Running', 'short', ofReplicas('llamacpp:requests_processing')),
        chart('Waiting in the engine', 'short', ofReplicas('llamacpp:requests_deferred')),
        chart(
          'Tokens',
          'short',
          query(sumRate(`llamacpp:prompt_tokens_total{${model}}`), 'prompt per second'),
          query(sumRate(`llamacpp:tokens_predicted_total{${model}}`), 'output per second'),
        ),
      ],
    },
    {
      title: 'Accelerators (dcgm-exporter)',
      panels: [
        chart('Busy', 'percent', ofAccelerators('DCGM_FI_DEV_GPU_UTIL')),
        chart('Memory in use', 'decmbytes', ofAccelerators('DCGM_FI_DEV_FB_USED')),
        chart('Power', 'watt', ofAccelerators('DCGM_FI_DEV_POWER_USAGE')),
      ],
    },
  ],
};
