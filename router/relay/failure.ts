import type { ErrorType } from '../../telemetry/contract.ts';

/** How an attempt failed without a usable answer. */
export interface Failure {
  /** `error.type` in telemetry. */
  readonly label: Extract<ErrorType, 'timeout_connect' | 'connection_error' | '_OTHER'>;
  /** For the message to the client: no address, no stack. */
  readonly reason: string;
}

/** Errors of the router's own making, which another replica would meet as well. */
const ownErrors = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED']);

/** Puts an error of undici or of the socket in words. */
export function failureOf(error: Error): Failure {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') {
    return { label: 'timeout_connect', reason: 'the connection timed out' };
  }
  if (ownErrors.has(code)) return { label: '_OTHER', reason: 'the request cannot be sent on' };
  if (code === 'ECONNREFUSED') {
    return { label: 'connection_error', reason: 'the connection was refused' };
  }
  if (code.startsWith('HPE_') || error.name === 'HTTPParserError') {
    return { label: 'connection_error', reason: 'the answer was not HTTP' };
  }
  return { label: 'connection_error', reason: 'the connection broke' };
}
