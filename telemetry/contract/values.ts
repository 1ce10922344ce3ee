/**
 * The closed sets of values that labels, attributes and log fields take. What is outside of a set is
 * {@link otherValue}, so that series stay bounded whatever clients send.
 */

/** Stands for anything outside of a closed or configured set. */
export const otherValue = '_OTHER';

/** `gen_ai.provider.name`: the wire flavour, not the engine. */
export const providerName = 'openai';

/** How a request ended, for `fairlead_requests_total` and the log. */
export const outcomes = [
  'ok',
  'client_error',
  'server_error',
  'rejected',
  'timeout',
  'cancelled',
] as const;
export type Outcome = (typeof outcomes)[number];

/** `error.type` beside HTTP codes as strings; the span's equals the metric's and the log's. */
export const errorTypes = [
  'timeout_connect',
  'timeout_headers',
  'timeout_idle',
  'timeout_total',
  'connection_error',
  'no_backend',
  'overloaded',
  'queue_timeout',
  'stream_truncated',
  'client_disconnected',
  'invalid_request',
  otherValue,
] as const;
export type ErrorType = (typeof errorTypes)[number];

/** What came of one attempt at a replica. */
export const attemptOutcomes = ['ok', 'status', 'failed', 'truncated', 'cancelled'] as const;
export type AttemptOutcome = (typeof attemptOutcomes)[number];

/** What ended a request's wait in a queue: a replica, its deadline, a full queue, its client's leave. */
export const queueOutcomes = ['dispatched', 'timeout', 'rejected', 'cancelled'] as const;
export type QueueOutcome = (typeof queueOutcomes)[number];

/** How far an answer was when its client went: not sent to a replica, no byte yet, in the middle. */
export const phases = ['queued', 'prefill', 'streaming'] as const;
export type Phase = (typeof phases)[number];

/** What tokens are counted as; `cached_input` is part of `input`, `reasoning` part of `output`. */
export const tokenTypes = ['input', 'cached_input', 'output', 'reasoning'] as const;
export type TokenType = (typeof tokenTypes)[number];

/** States of a model's replicas. `desired` is what there should be; the others are what there is. */
export const replicaStates = ['desired', 'ready', 'starting', 'terminating'] as const;
export type ReplicaState = (typeof replicaStates)[number];

/** Parts of a cold start; `total` is from the decision to the first replica that can answer. */
export const coldStartStages = [
  'schedule',
  'image_pull',
  'fetch_weights',
  'load',
  'first_ready',
  'total',
] as const;
export type ColdStartStage = (typeof coldStartStages)[number];

/** Which way the autoscaler changed a model's replicas. */
export const scaleDirections = ['up', 'down'] as const;
export type ScaleDirection = (typeof scaleDirections)[number];

/**
 * `gen_ai.operation.name`: the first three are the convention's, which has `chat` for Responses and
 * Messages too; the others are ours, for what has no convention.
 */
export const operations = [
  'chat',
  'text_completion',
  'embeddings',
  'stored_response',
  'rerank',
  'score',
  'classify',
  'pooling',
  'transcription',
  'translation',
  'speech',
  'image_generation',
  'image_edit',
  'count_tokens',
  'tokenize',
  'detokenize',
] as const;
export type Operation = (typeof operations)[number];
