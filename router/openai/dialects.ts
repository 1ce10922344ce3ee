import { type ApiError, errorBody as openaiError } from './errors.ts';

/** Whose API an endpoint speaks: what errors look like, in an answer and in a stream. */
export type Dialect = 'openai' | 'anthropic';

/** `error.type` of Anthropic's API by HTTP status. */
const anthropicTypes: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
};

/** `error.type` of Anthropic's API for an HTTP status. */
export function anthropicType(status: number): string {
  return anthropicTypes[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
}

/** The JSON body of an error. */
export function errorBody(error: ApiError, dialect: Dialect, requestId: string): string {
  if (dialect === 'openai') return openaiError(error);
  return JSON.stringify({
    type: 'error',
    error: { type: anthropicType(error.kind.status), message: error.message },
    request_id: requestId,
  });
}

/** A whole event that tells of an error in the middle of a stream. */
export function errorEvent(error: ApiError, dialect: Dialect, requestId: string): string {
  return event(errorBody(error, dialect, requestId), dialect);
}

/** The event that tells in a stream what an error's body says; undefined when that is not JSON. */
export function eventOf(body: string, dialect: Dialect): string | undefined {
  try {
    // On one line, as an event's data has to be.
    return event(JSON.stringify(JSON.parse(body)), dialect);
  } catch {
    return undefined;
  }
}

function event(data: string, dialect: Dialect): string {
  return dialect === 'openai' ? `data: ${data}\n\n` : `event: error\ndata: ${data}\n\n`;
}
