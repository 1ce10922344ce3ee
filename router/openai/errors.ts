import type { ErrorType } from '../../telemetry/contract/values.ts';

/** One kind of error that the router itself answers with. */
export interface ErrorKind {
  /** HTTP status. */
  readonly status: number;
  /** `error.type` on the wire, in OpenAI's vocabulary. */
  readonly type:
    | 'invalid_request_error'
    | 'rate_limit_error'
    | 'server_error'
    | 'service_unavailable';
  /** `error.code` on the wire. */
  readonly code: string;
  /** `error.type` in metrics, spans and the log. */
  readonly label: ErrorType | undefined;
  /** What the caller can do about it. */
  readonly remedy: string;
  /** Sent as Retry-After unless the case says otherwise: SDKs wait that long, then try again. */
  readonly retryAfterS?: number;
  /** `false` is sent as x-should-retry: the router has tried all there is, SDKs need not. */
  readonly shouldRetry?: false;
}

/** All errors of the router. Errors of engines pass through as they are. */
export const errorKinds = {
  invalid_json: {
    status: 400,
    type: 'invalid_request_error',
    code: 'invalid_json',
    label: 'invalid_request',
    remedy: 'Send a JSON object as the body.',
  },
  invalid_multipart: {
    status: 400,
    type: 'invalid_request_error',
    code: 'invalid_multipart',
    label: 'invalid_request',
    remedy:
      'Send multipart/form-data whose parts end with the boundary of the Content-Type header, `model` once.',
  },
  model_required: {
    status: 400,
    type: 'invalid_request_error',
    code: 'model_required',
    label: 'invalid_request',
    remedy: 'Name a model of GET /v1/models in the field `model`, as a string.',
  },
  feature_not_supported: {
    status: 400,
    type: 'invalid_request_error',
    code: 'feature_not_supported',
    label: 'invalid_request',
    remedy: 'Ask a model that offers this endpoint, or add the feature to spec.engine.features.',
  },
  invalid_request: {
    status: 400,
    type: 'invalid_request_error',
    code: 'invalid_request',
    label: 'invalid_request',
    remedy: 'Send a well-formed HTTP request.',
  },
  invalid_api_key: {
    status: 401,
    type: 'invalid_request_error',
    code: 'invalid_api_key',
    label: 'invalid_request',
    remedy: 'Send a key that is in force as `Authorization: Bearer …`, or as `x-api-key`.',
  },
  model_not_allowed: {
    status: 403,
    type: 'invalid_request_error',
    code: 'model_not_allowed',
    label: 'invalid_request',
    remedy:
      'Use a model of GET /v1/models, which lists what the key may use, or widen the key’s policy.',
  },
  model_not_found: {
    status: 404,
    type: 'invalid_request_error',
    code: 'model_not_found',
    label: 'invalid_request',
    remedy: 'Use a name of GET /v1/models.',
  },
  response_not_found: {
    status: 404,
    type: 'invalid_request_error',
    code: 'response_not_found',
    label: 'invalid_request',
    remedy: 'Use the id of a response whose replica still runs, or send the whole conversation.',
  },
  not_found: {
    status: 404,
    type: 'invalid_request_error',
    code: 'not_found',
    label: undefined,
    remedy: 'Use one of the paths under /v1 that the documentation lists.',
  },
  method_not_allowed: {
    status: 405,
    type: 'invalid_request_error',
    code: 'method_not_allowed',
    label: undefined,
    remedy: 'Use a method of the Allow header.',
  },
  request_timeout: {
    status: 408,
    type: 'invalid_request_error',
    code: 'request_timeout',
    label: 'timeout_total',
    remedy: 'Send the whole request without long pauses.',
  },
  body_too_large: {
    status: 413,
    type: 'invalid_request_error',
    code: 'body_too_large',
    label: 'invalid_request',
    remedy: 'Send less, or raise the router’s body limit.',
  },
  url_too_long: {
    status: 414,
    type: 'invalid_request_error',
    code: 'url_too_long',
    label: 'invalid_request',
    remedy: 'Send a URL of at most 8 KiB.',
  },
  unsupported_encoding: {
    status: 415,
    type: 'invalid_request_error',
    code: 'unsupported_encoding',
    label: 'invalid_request',
    remedy: 'Send the body uncompressed.',
  },
  unsupported_media_type: {
    status: 415,
    type: 'invalid_request_error',
    code: 'unsupported_media_type',
    label: 'invalid_request',
    remedy: 'Send the body as multipart/form-data with a boundary.',
  },
  headers_too_large: {
    status: 431,
    type: 'invalid_request_error',
    code: 'headers_too_large',
    label: 'invalid_request',
    remedy: 'Send less than 64 KiB of headers.',
  },
  rate_limit_exceeded: {
    status: 429,
    type: 'rate_limit_error',
    code: 'rate_limit_exceeded',
    label: 'overloaded',
    remedy: 'Wait as long as Retry-After says; x-ratelimit-* tell which limit it was.',
    retryAfterS: 1,
  },
  hold_full: {
    status: 429,
    type: 'rate_limit_error',
    code: 'hold_full',
    label: 'overloaded',
    remedy:
      'Wait as long as Retry-After says. As many requests as may wait for the model do so already: raise spec.autoscaling.hold.maxRequests, or keep replicas ready.',
    retryAfterS: 10,
  },
  internal_error: {
    status: 500,
    type: 'server_error',
    code: 'internal_error',
    label: '_OTHER',
    remedy: 'Report it with the x-request-id; the router’s log has the cause.',
  },
  replica_failed: {
    status: 502,
    type: 'server_error',
    code: 'replica_failed',
    label: 'connection_error',
    remedy: 'Look at the model’s pods: every replica that could be asked has failed.',
    shouldRetry: false,
  },
  no_ready_replica: {
    status: 503,
    type: 'service_unavailable',
    code: 'no_ready_replica',
    label: 'no_backend',
    remedy: 'Try again shortly; `kubectl describe mdep` says what the model waits for.',
    retryAfterS: 1,
  },
  hold_timeout: {
    status: 503,
    type: 'service_unavailable',
    code: 'hold_timeout',
    label: 'queue_timeout',
    remedy:
      'Try again when Retry-After says; `kubectl describe mdep` says what the model waits for. Slow to start: raise spec.autoscaling.hold.timeout. At 0 replicas without autoscaling: raise spec.replicas.',
    retryAfterS: 30,
  },
  connect_timeout: {
    status: 504,
    type: 'server_error',
    code: 'connect_timeout',
    label: 'timeout_connect',
    remedy: 'Look at the model’s pods and at network policies: no connection came about.',
    shouldRetry: false,
  },
  first_byte_timeout: {
    status: 504,
    type: 'server_error',
    code: 'first_byte_timeout',
    label: 'timeout_headers',
    remedy: 'Send a shorter prompt, or raise spec.routing.timeouts.firstByte of the model.',
    shouldRetry: false,
  },
  idle_timeout: {
    status: 504,
    type: 'server_error',
    code: 'idle_timeout',
    label: 'timeout_idle',
    remedy: 'Discard the partial answer and ask again; if it lasts, look at the model’s pods.',
  },
  total_timeout: {
    status: 504,
    type: 'server_error',
    code: 'total_timeout',
    label: 'timeout_total',
    remedy: 'Ask for less, or raise spec.routing.timeouts.total of the model.',
    shouldRetry: false,
  },
  stream_truncated: {
    status: 502,
    type: 'server_error',
    code: 'stream_truncated',
    label: 'stream_truncated',
    remedy: 'Discard the partial answer and ask again.',
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorName = keyof typeof errorKinds;

/** What an error answer says beside its kind and its message. */
export interface ErrorDetails {
  /** Overrides the kind's Retry-After. */
  readonly retryAfterMs?: number;
  /** Further header pairs, such as x-ratelimit-*. */
  readonly headers?: readonly string[];
}

/** An error answer: its kind and what to say about this case. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly kind: ErrorKind;
  /** The request's field that is wrong, on the wire as `error.param`. */
  readonly param: string | null;
  readonly details: ErrorDetails;

  constructor(
    name: ErrorName,
    message: string,
    param: string | null = null,
    details: ErrorDetails = {},
  ) {
    super(message);
    this.kind = errorKinds[name];
    this.param = param;
    this.details = details;
  }
}

/** The JSON body of an error in OpenAI's shape; an error event's data is the same. */
export function errorBody(error: ApiError): string {
  const { type, code } = error.kind;
  return JSON.stringify({ error: { message: error.message, type, param: error.param, code } });
}

/** Header pairs of an error answer, without those that every answer has. */
export function errorHeaders({ kind, details }: ApiError, bodyBytes: number): string[] {
  const headers = ['content-type', 'application/json', 'content-length', String(bodyBytes)];
  const retryAfterMs = details.retryAfterMs ?? (kind.retryAfterS ?? 0) * 1000;
  if (retryAfterMs > 0) {
    headers.push('retry-after', String(Math.ceil(retryAfterMs / 1000)));
    headers.push('retry-after-ms', String(Math.ceil(retryAfterMs)));
  }
  if (kind.shouldRetry === false) headers.push('x-should-retry', 'false');
  headers.push(...(details.headers ?? []));
  return headers;
}
