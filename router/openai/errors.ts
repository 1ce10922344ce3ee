import type { ErrorType } from '../../telemetry/contract.ts';

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
  /** Sent as Retry-After, in seconds: SDKs wait that long and try again by themselves. */
  readonly retryAfterS?: number;
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
  model_not_found: {
    status: 404,
    type: 'invalid_request_error',
    code: 'model_not_found',
    label: 'invalid_request',
    remedy: 'Use a name of GET /v1/models.',
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
  unsupported_encoding: {
    status: 415,
    type: 'invalid_request_error',
    code: 'unsupported_encoding',
    label: 'invalid_request',
    remedy: 'Send the body uncompressed.',
  },
  headers_too_large: {
    status: 431,
    type: 'invalid_request_error',
    code: 'headers_too_large',
    label: 'invalid_request',
    remedy: 'Send less than 64 KiB of headers.',
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
    remedy: 'Try again; if it lasts, look at the model’s pods.',
    retryAfterS: 1,
  },
  no_ready_replica: {
    status: 503,
    type: 'service_unavailable',
    code: 'no_ready_replica',
    label: 'no_backend',
    remedy: 'Try again shortly; `kubectl describe mdep` says what the model waits for.',
    retryAfterS: 1,
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

/** An error answer: its kind and what to say about this case. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly kind: ErrorKind;
  /** The request's field that is wrong, on the wire as `error.param`. */
  readonly param: string | null;

  constructor(name: ErrorName, message: string, param: string | null = null) {
    super(message);
    this.kind = errorKinds[name];
    this.param = param;
  }
}

/** The JSON body of an error in OpenAI's shape; an error event's data is the same. */
export function errorBody(error: ApiError): string {
  const { type, code } = error.kind;
  return JSON.stringify({ error: { message: error.message, type, param: error.param, code } });
}

/** Header pairs of an error answer, without those that every answer has. */
export function errorHeaders(error: ApiError, bodyBytes: number): string[] {
  const { retryAfterS } = error.kind;
  const headers = ['content-type', 'application/json', 'content-length', String(bodyBytes)];
  if (retryAfterS !== undefined) headers.push('retry-after', String(retryAfterS));
  return headers;
}
