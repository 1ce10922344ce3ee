import type { Outcome } from './values.ts';

interface Values {
  string: string;
  number: number;
  boolean: boolean;
  'string[]': readonly string[];
}

/** One field of the access log. */
export interface LogFieldDefinition {
  readonly type: keyof Values;
  readonly brief: string;
}

/** What every line of a program has. */
export const lineFields = {
  ts: { type: 'string', brief: 'Time, RFC 3339' },
  level: { type: 'string', brief: '`debug`, `info`, `warn` or `error`' },
  program: { type: 'string', brief: '`fairlead-router` or `operator`' },
  version: { type: 'string', brief: 'Of Fairlead' },
  msg: { type: 'string', brief: '`request` for lines of the access log' },
} as const satisfies Record<string, LogFieldDefinition>;

/** Fields of the access log, one line a request. Those that do not apply are left out of the line. */
export const accessLogFields = {
  trace_id: { type: 'string', brief: 'Where tracing is on, sampled or not' },
  span_id: { type: 'string', brief: 'Of the SERVER span' },
  request_id: { type: 'string', brief: 'As in x-request-id' },
  method: { type: 'string', brief: 'HTTP method' },
  route: { type: 'string', brief: 'The endpoint’s own path, or `_OTHER`' },
  status: { type: 'number', brief: 'HTTP status sent; 0: none' },
  outcome: { type: 'string', brief: 'As in fairlead_requests_total' },
  error_type: { type: 'string', brief: 'As in the spans' },
  stream: { type: 'boolean', brief: 'Whether a stream was asked for' },
  model: { type: 'string', brief: 'Served name of the model asked for' },
  fallback_model: { type: 'string', brief: 'The model that was asked in its place, last' },
  response_model: { type: 'string', brief: 'Model that the engine says it is' },
  adapter: { type: 'string', brief: 'LoRA adapter asked for' },
  backend_pod: { type: 'string', brief: 'Replica asked last' },
  attempts: { type: 'number', brief: 'Requests sent to replicas' },
  route_policy: { type: 'string', brief: 'Policy that chose the replica' },
  route_reason: { type: 'string', brief: 'What decided' },
  queue_ms: { type: 'number', brief: 'Waited for a replica, where it had to' },
  ttft_ms: { type: 'number', brief: 'To the first byte of the answer’s body' },
  duration_ms: { type: 'number', brief: 'To the last byte' },
  overhead_ms: { type: 'number', brief: 'Spent in the router itself' },
  input_tokens: { type: 'number', brief: 'Tokens of the prompt, cached ones included' },
  cached_tokens: { type: 'number', brief: 'Of these, the cached ones' },
  output_tokens: { type: 'number', brief: 'Tokens of the answer' },
  finish_reasons: { type: 'string[]', brief: 'One for each choice' },
  bytes_in: { type: 'number', brief: 'Of the request’s body' },
  bytes_out: { type: 'number', brief: 'Of the answer’s body' },
  tenant: { type: 'string', brief: 'Of the key; absent where none is asked for' },
} as const satisfies Record<string, LogFieldDefinition>;

/** One line of the access log. */
export type AccessLogLine = {
  [K in keyof typeof accessLogFields]?: Values[(typeof accessLogFields)[K]['type']] | undefined;
} & { outcome: Outcome };
