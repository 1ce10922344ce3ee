/**
 * The telemetry contract: every metric, span attribute and log field that leaves a Fairlead process.
 * Names follow the OpenTelemetry semantic conventions v1.41 (GenAI, HTTP); what has no convention is
 * called `fairlead_*` or `fairlead.*`. Dashboards, alerts, docs and tests read this file.
 */

/** Schema of the attribute names below; set as the scope's schemaUrl. */
export const semconvSchemaUrl = 'https://opentelemetry.io/schemas/1.41.0';

/** The value that stands for anything outside of a closed or configured set, so that label sets stay bounded. */
export const otherValue = '_OTHER';

/** `gen_ai.provider.name`: the wire flavour, not the engine. */
export const providerName = 'openai';

/** 10 ms doubling to 655 s (gen_ai.server.request.duration, stretched for long answers). */
const durationBuckets = Array.from({ length: 17 }, (_, power) => round(0.01 * 2 ** power));
/** gen_ai.server.time_to_first_token, stretched for long prompts and queues. */
const firstTokenBuckets = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
  160,
];
/** gen_ai.server.time_per_output_token. */
const perTokenBuckets = [
  0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 10,
];
/** gen_ai.client.token.usage: powers of four. */
const tokenBuckets = Array.from({ length: 14 }, (_, power) => 4 ** power);
const overheadBuckets = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
];
/** 10 µs to 10 ms: a decision takes microseconds; what takes longer was interrupted. */
const decisionBuckets = [
  0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
];

function round(seconds: number): number {
  return Number(seconds.toPrecision(6));
}

/** One metric: seconds, bytes and tokens are the units; `labels` are all there can be. */
export interface MetricDefinition {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  readonly buckets?: readonly number[];
}

const model = 'gen_ai_request_model';
const operation = 'gen_ai_operation_name';
const provider = 'gen_ai_provider_name';

/** The router's metrics by the name they have in code. */
export const routerMetrics = {
  requestDuration: {
    name: 'gen_ai_server_request_duration_seconds',
    type: 'histogram',
    help: 'Time from the request to the last byte of the answer; error_type is absent on success',
    labels: [operation, provider, model, 'error_type'],
    buckets: durationBuckets,
  },
  timeToFirstToken: {
    name: 'gen_ai_server_time_to_first_token_seconds',
    type: 'histogram',
    help: 'Time from the request to the first byte of a streamed answer',
    labels: [operation, provider, model],
    buckets: firstTokenBuckets,
  },
  timePerOutputToken: {
    name: 'gen_ai_server_time_per_output_token_seconds',
    type: 'histogram',
    help: 'Time per token after the first of a streamed answer, where the engine tells the usage',
    labels: [operation, provider, model],
    buckets: perTokenBuckets,
  },
  tokenUsage: {
    name: 'gen_ai_client_token_usage',
    type: 'histogram',
    help: 'Tokens of a request, where the engine tells the usage',
    labels: [operation, provider, model, 'gen_ai_token_type'],
    buckets: tokenBuckets,
  },
  requests: {
    name: 'fairlead_requests_total',
    type: 'counter',
    help: 'Requests answered, by HTTP status and outcome',
    labels: [model, operation, 'code', 'outcome'],
  },
  tokens: {
    name: 'fairlead_tokens_total',
    type: 'counter',
    help: 'Tokens, where the engine tells the usage; tenant is absent where no key is asked for',
    labels: [model, 'type', 'tenant'],
  },
  requestsInFlight: {
    name: 'fairlead_requests_in_flight',
    type: 'gauge',
    help: 'Requests being answered now',
    labels: [model],
  },
  routerOverhead: {
    name: 'fairlead_router_overhead_seconds',
    type: 'histogram',
    help: 'Time of a request spent in the router itself: neither receiving it nor waiting for an engine',
    labels: [],
    buckets: overheadBuckets,
  },
  routingDecisions: {
    name: 'fairlead_routing_decisions_total',
    type: 'counter',
    help: 'Choices of a replica for an attempt, by the policy and by what decided',
    labels: [model, 'policy', 'reason'],
  },
  routingDuration: {
    name: 'fairlead_routing_duration_seconds',
    type: 'histogram',
    help: 'Time that the choice of a replica took',
    labels: [],
    buckets: decisionBuckets,
  },
  prefixLookupBlocks: {
    name: 'fairlead_prefix_lookup_blocks_total',
    type: 'counter',
    help: 'Blocks of 256 bytes of the prompts that were compared with what replicas have cached',
    labels: [model],
  },
  prefixHitBlocks: {
    name: 'fairlead_prefix_hit_blocks_total',
    type: 'counter',
    help: 'Of these, blocks that the chosen replica was expected to have cached',
    labels: [model],
  },
  backendRequestsInFlight: {
    name: 'fairlead_backend_requests_in_flight',
    type: 'gauge',
    help: 'Requests that this router has open at a replica',
    labels: [model, 'namespace', 'backend'],
  },
  backendPendingTokens: {
    name: 'fairlead_backend_pending_tokens',
    type: 'gauge',
    help: 'Prompt tokens that this router sent to a replica and does not know to be computed',
    labels: [model, 'namespace', 'backend'],
  },
  upstreamAttempts: {
    name: 'fairlead_upstream_attempts_total',
    type: 'counter',
    help: 'Requests sent to replicas, by what came of them',
    labels: [model, 'outcome'],
  },
  retries: {
    name: 'fairlead_retries_total',
    type: 'counter',
    help: 'Attempts that were repeated, by the reason of the repetition',
    labels: [model, 'reason'],
  },
  ejections: {
    name: 'fairlead_ejections_total',
    type: 'counter',
    help: 'Replicas left out for a while because they failed, by the reason',
    labels: [model, 'reason'],
  },
  fallbacks: {
    name: 'fairlead_fallbacks_total',
    type: 'counter',
    help: 'Requests sent to another model because no replica of the one asked for could take them',
    labels: [model, 'fallback_model'],
  },
  clientDisconnects: {
    name: 'fairlead_client_disconnects_total',
    type: 'counter',
    help: 'Clients gone before their answer was complete, by how far it was',
    labels: [model, 'phase'],
  },
  modelReplicas: {
    name: 'fairlead_model_replicas',
    type: 'gauge',
    help: 'Replicas of a model as this router sees them',
    labels: [model, 'namespace', 'state'],
  },
  catalogAge: {
    name: 'fairlead_catalog_age_seconds',
    type: 'gauge',
    help: 'Time since the API server last sent anything; the router serves from what it knew then',
    labels: [],
  },
  buildInfo: {
    name: 'fairlead_build_info',
    type: 'gauge',
    help: 'Always 1; the labels tell what runs',
    labels: ['program', 'version', 'node_version'],
  },
} as const satisfies Record<string, MetricDefinition>;

/** How a request ended, for `fairlead_requests_total` and the log. */
export type Outcome = 'ok' | 'client_error' | 'server_error' | 'rejected' | 'timeout' | 'cancelled';

/** The closed set of `error.type` beside HTTP codes as strings; the span's equals the metric's. */
export type ErrorType =
  | 'timeout_connect'
  | 'timeout_headers'
  | 'timeout_idle'
  | 'timeout_total'
  | 'connection_error'
  | 'no_backend'
  | 'overloaded'
  | 'queue_timeout'
  | 'stream_truncated'
  | 'client_disconnected'
  | 'invalid_request'
  | typeof otherValue;

/** What came of one attempt at a replica. */
export type AttemptOutcome = 'ok' | 'status' | 'failed' | 'truncated' | 'cancelled';

/** How far an answer was when its client went: not sent to a replica, no byte yet, in the middle. */
export type Phase = 'queued' | 'prefill' | 'streaming';

/**
 * `gen_ai.operation.name`: the first three are the convention's, which has `chat` for Responses and
 * Messages too; the others are ours, for what has no convention.
 */
export type Operation =
  | 'chat'
  | 'text_completion'
  | 'embeddings'
  | 'stored_response'
  | 'rerank'
  | 'score'
  | 'classify'
  | 'pooling'
  | 'transcription'
  | 'translation'
  | 'speech'
  | 'image_generation'
  | 'image_edit'
  | 'count_tokens'
  | 'tokenize'
  | 'detokenize';

/** Span attributes beside those of HTTP; docs/observe.md shows the tree. */
export const attributes = {
  requestId: 'fairlead.request.id',
  attempts: 'fairlead.attempts',
  modelNamespace: 'fairlead.model.namespace',
  fallbackModel: 'fairlead.model.fallback',
  tenant: 'fairlead.tenant',
  backendPod: 'fairlead.backend.pod',
  backendNamespace: 'fairlead.backend.namespace',
  backendRevision: 'fairlead.backend.revision',
  routePolicy: 'fairlead.route.policy',
  routeReason: 'fairlead.route.reason',
  routeCandidates: 'fairlead.route.candidates',
  routePrefixMatch: 'fairlead.route.prefix_match_ratio',
  operation: 'gen_ai.operation.name',
  provider: 'gen_ai.provider.name',
  requestModel: 'gen_ai.request.model',
  requestStream: 'gen_ai.request.stream',
  responseId: 'gen_ai.response.id',
  responseModel: 'gen_ai.response.model',
  finishReasons: 'gen_ai.response.finish_reasons',
  timeToFirstChunk: 'gen_ai.response.time_to_first_chunk',
  inputTokens: 'gen_ai.usage.input_tokens',
  outputTokens: 'gen_ai.usage.output_tokens',
  cachedTokens: 'gen_ai.usage.cache_read.input_tokens',
  errorType: 'error.type',
} as const;

/** Fields of the access log beside ts, level and msg. Absent ones are left out of the line. */
export interface AccessLogFields {
  trace_id?: string | undefined;
  span_id?: string | undefined;
  request_id: string;
  method: string;
  route: string;
  status: number;
  outcome: Outcome;
  error_type?: string | undefined;
  stream?: boolean | undefined;
  model?: string | undefined;
  /** The model that was asked in the place of `model`. */
  fallback_model?: string | undefined;
  response_model?: string | undefined;
  backend_pod?: string | undefined;
  attempts?: number | undefined;
  route_policy?: string | undefined;
  ttft_ms?: number | undefined;
  duration_ms: number;
  overhead_ms?: number | undefined;
  input_tokens?: number | undefined;
  cached_tokens?: number | undefined;
  output_tokens?: number | undefined;
  finish_reasons?: readonly string[] | undefined;
  bytes_in: number;
  bytes_out: number;
  /** Of the key that the request came with; absent where none is asked for. */
  tenant?: string | undefined;
}
