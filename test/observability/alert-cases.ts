/** Series of promtool's unit tests: name with labels, and its values, one a minute. */
export type Series = Readonly<Record<string, string>>;

/** What an alert must and must not fire at. */
export interface AlertCase {
  readonly alert: string;
  /** Fires on these after `afterMinutes`, with `labels` beside alertname and severity. */
  readonly fires: Series;
  readonly labels: Readonly<Record<string, string>>;
  /** Stays silent on these all the time: close to the limit, or over it for too short a time. */
  readonly silent: Series;
  readonly afterMinutes: number;
}

const m = 'gen_ai_request_model="skiff"';
const model = { gen_ai_request_model: 'skiff' };
const inNamespace = { ...model, namespace: 'models' };
const of = (name: string, ...labels: string[]) => `${name}{${labels.join()}}`;
const requests = (outcome: string) => of('fairlead_requests_total', m, `outcome="${outcome}"`);
const replicas = (state: string) =>
  of('fairlead_model_replicas', m, 'namespace="models"', `state="${state}"`);
const retries = of('fairlead_retries_total', m, 'reason="connection_error"');
const decisions = (direction: string) =>
  of('fairlead_autoscaler_decisions_total', m, `direction="${direction}"`, 'reason="signal"');
const autoscaler = (what: string) => of(`fairlead_autoscaler_${what}`, m);
const up = (pod: string, job: string) =>
  of('up', `job="${job}"`, 'namespace="models"', `pod="${pod}"`);

/** A histogram of which every minute `below` observations more are within `le`, and `above` are not. */
function histogram(name: string, le: string, below: number, above: number, labels = ''): Series {
  const bucket = (edge: string) =>
    of(`${name}_bucket`, ...(labels ? [labels] : []), `le="${edge}"`);
  return {
    [bucket(le)]: `0+${below}x600`,
    [bucket('1000')]: `0+${below + above}x600`,
    [bucket('+Inf')]: `0+${below + above}x600`,
  };
}
const firstToken = 'gen_ai_server_time_to_first_token_seconds';
const perToken = 'gen_ai_server_time_per_output_token_seconds';
const coldStart = `${m},stage="total"`;
const waits = (outcome: string) =>
  of('fairlead_queue_wait_seconds_count', m, `outcome="${outcome}"`);
const vllm = (name: string) => of(`vllm:${name}`, m, 'namespace="models"', 'pod="skiff-0"');

/** One a rule; the test requires that none is missing. */
export const alertCases: readonly AlertCase[] = [
  {
    alert: 'FairleadErrorBudgetBurnFast',
    fires: { [requests('ok')]: '0+90x120', [requests('server_error')]: '0+10x120' },
    labels: model,
    // Three bad minutes of an hour, and clients' own mistakes.
    silent: {
      [requests('ok')]: '0+100x120',
      [requests('client_error')]: '0+50x120',
      [requests('timeout')]: '0x70 100+100x2 300x47',
    },
    afterMinutes: 100,
  },
  {
    alert: 'FairleadErrorBudgetBurnSlow',
    fires: { [requests('ok')]: '0+95x500', [requests('rejected')]: '0+5x500' },
    labels: model,
    silent: { [requests('ok')]: '0+98x500', [requests('server_error')]: '0+2x500' },
    afterMinutes: 480,
  },
  {
    alert: 'FairleadTTFTHigh',
    fires: histogram(firstToken, '10', 90, 10, m),
    labels: model,
    silent: histogram(firstToken, '10', 96, 4, m),
    afterMinutes: 30,
  },
  {
    alert: 'FairleadTPOTHigh',
    fires: histogram(perToken, '0.2', 90, 10, m),
    labels: model,
    silent: histogram(perToken, '0.2', 96, 4, m),
    afterMinutes: 30,
  },
  {
    alert: 'FairleadRetryStorm',
    fires: { [requests('ok')]: '0+100x60', [retries]: '0+20x60' },
    labels: model,
    // Half of the requests, but hardly any.
    silent: { [requests('ok')]: '0+1x60', [retries]: '0+0.5x60' },
    afterMinutes: 30,
  },
  {
    alert: 'FairleadBackendDown',
    fires: {
      [of('fairlead_backend_up', m, 'namespace="models"', 'backend="skiff-0"', 'pod="a"')]: '0x60',
    },
    labels: { ...inNamespace, backend: 'skiff-0' },
    // One router leaves it out, another does not; and one that comes back.
    silent: {
      [of('fairlead_backend_up', m, 'namespace="models"', 'backend="skiff-0"', 'pod="a"')]: '0x60',
      [of('fairlead_backend_up', m, 'namespace="models"', 'backend="skiff-0"', 'pod="b"')]: '1x60',
      [of('fairlead_backend_up', m, 'namespace="models"', 'backend="skiff-1"', 'pod="a"')]:
        '0x3 1x56',
    },
    afterMinutes: 30,
  },
  {
    alert: 'FairleadModelNoReadyReplicas',
    fires: { [replicas('ready')]: '0x60', [replicas('desired')]: '1x60' },
    labels: inNamespace,
    // Scaled to zero.
    silent: { [replicas('ready')]: '0x60', [replicas('desired')]: '0x60' },
    afterMinutes: 30,
  },
  {
    alert: 'FairleadReplicasBehind',
    fires: { [replicas('ready')]: '2x60', [replicas('desired')]: '3x60' },
    labels: inNamespace,
    silent: { [replicas('ready')]: '2x20 3x40', [replicas('desired')]: '3x60' },
    afterMinutes: 50,
  },
  {
    alert: 'FairleadQueueBacklog',
    fires: { [of('fairlead_queue_depth', m, 'pod="a"')]: '3x60' },
    labels: model,
    silent: { [of('fairlead_queue_depth', m, 'pod="a"')]: '9x8 0 9x8 0 9x8 0 9x8 0' },
    afterMinutes: 30,
  },
  {
    alert: 'FairleadQueueTimeouts',
    fires: { [waits('dispatched')]: '0+90x60', [waits('timeout')]: '0+10x60' },
    labels: model,
    silent: { [waits('dispatched')]: '0+97x60', [waits('rejected')]: '0+3x60' },
    afterMinutes: 30,
  },
  {
    alert: 'FairleadKVCacheSaturated',
    fires: { [vllm('kv_cache_usage_perc')]: '0.99x60', [vllm('num_requests_waiting')]: '4x60' },
    labels: { ...inNamespace, pod: 'skiff-0' },
    // Full of what is done, which gives way.
    silent: { [vllm('kv_cache_usage_perc')]: '0.99x60', [vllm('num_requests_waiting')]: '0x60' },
    afterMinutes: 30,
  },
  {
    alert: 'FairleadColdStartSlow',
    fires: histogram('fairlead_cold_start_seconds', '600', 0, 1, coldStart),
    labels: model,
    silent: histogram('fairlead_cold_start_seconds', '600', 2, 1, coldStart),
    afterMinutes: 90,
  },
  {
    alert: 'FairleadAutoscalerPinnedAtMax',
    fires: {
      [autoscaler('desired_replicas')]: '4x90',
      [autoscaler('max_replicas')]: '4x90',
      [autoscaler('signal')]: '100x90',
      [autoscaler('target')]: '8x90',
    },
    labels: model,
    // At the maximum, and that is enough.
    silent: {
      [autoscaler('desired_replicas')]: '4x90',
      [autoscaler('max_replicas')]: '4x90',
      [autoscaler('signal')]: '30x90',
      [autoscaler('target')]: '8x90',
    },
    afterMinutes: 60,
  },
  {
    alert: 'FairleadScaleFlapping',
    fires: { [decisions('up')]: '0+0.2x120', [decisions('down')]: '0+0.2x120' },
    labels: model,
    silent: { [decisions('up')]: '0+0.2x120', [decisions('down')]: '0+0.02x120' },
    afterMinutes: 100,
  },
  {
    alert: 'FairleadRouterOverheadHigh',
    fires: histogram('fairlead_router_overhead_seconds', '0.05', 90, 10),
    labels: {},
    silent: histogram('fairlead_router_overhead_seconds', '0.05', 96, 4),
    afterMinutes: 30,
  },
  {
    alert: 'FairleadRouterEventLoopLag',
    fires: {
      'nodejs_eventloop_lag_p99_seconds{job="fairlead-router",namespace="fairlead",pod="a"}':
        '0.5x60',
    },
    labels: { namespace: 'fairlead', pod: 'a' },
    silent: {
      'nodejs_eventloop_lag_p99_seconds{job="fairlead-router",namespace="fairlead",pod="a"}':
        '0.1x60',
      'nodejs_eventloop_lag_p99_seconds{job="other",namespace="x",pod="b"}': '9x60',
    },
    afterMinutes: 30,
  },
  {
    alert: 'FairleadCatalogStale',
    fires: { 'fairlead_catalog_age_seconds{namespace="fairlead",pod="a"}': '0+60x60' },
    labels: { namespace: 'fairlead', pod: 'a' },
    silent: { 'fairlead_catalog_age_seconds{namespace="fairlead",pod="a"}': '300x60' },
    afterMinutes: 30,
  },
  {
    alert: 'FairleadReconcileErrors',
    fires: {
      'controller_runtime_reconcile_errors_total{job="fairlead-operator",controller="mdep"}':
        '0+1x90',
    },
    labels: { controller: 'mdep' },
    silent: {
      'controller_runtime_reconcile_errors_total{job="fairlead-operator",controller="mdep"}':
        '0+1x10 10x80',
      'controller_runtime_reconcile_errors_total{job="other",controller="x"}': '0+1x90',
    },
    afterMinutes: 60,
  },
  {
    alert: 'FairleadNoLeader',
    fires: { 'leader_election_master_status{name="fairlead-operator",pod="a"}': '0x60' },
    labels: {},
    silent: {
      'leader_election_master_status{name="fairlead-operator",pod="a"}': '0x60',
      'leader_election_master_status{name="fairlead-operator",pod="b"}': '1x60',
    },
    afterMinutes: 30,
  },
  {
    alert: 'FairleadTargetDown',
    fires: { [up('a', 'fairlead-engine')]: '0x60' },
    labels: { job: 'fairlead-engine', namespace: 'models', pod: 'a' },
    silent: { [up('a', 'fairlead-router')]: '0x5 1x54', [up('b', 'other')]: '0x60' },
    afterMinutes: 30,
  },
  {
    alert: 'FairleadTelemetryDropping',
    fires: { 'fairlead_spans_dropped_total{namespace="fairlead",pod="a"}': '0+1x60' },
    labels: { namespace: 'fairlead', pod: 'a' },
    silent: { 'fairlead_spans_dropped_total{namespace="fairlead",pod="a"}': '5x60' },
    afterMinutes: 30,
  },
];
