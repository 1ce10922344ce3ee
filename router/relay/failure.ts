import type { ErrorType } from '../../telemetry/contract/values.ts';
import type { ErrorName } from '../openai/errors.ts';

/** How an attempt failed without a usable answer, or in the middle of one. */
export interface Failure {
  /** `error.type` in telemetry. */
  readonly label: Extract<
    ErrorType,
    | 'timeout_connect'
    | 'timeout_headers'
    | 'timeout_idle'
    | 'timeout_total'
    | 'connection_error'
    | '_OTHER'
  >;
  /** What the client is told when no other replica helps. */
  readonly error: ErrorName;
  /** For the message to the client: no address, no stack. */
  readonly reason: string;
}

/** The deadlines of spec.routing.timeouts that can pass. */
export const timeouts = {
  connect: {
    label: 'timeout_connect',
    error: 'connect_timeout',
    reason: 'no connection could be made in time',
  },
  firstByte: {
    label: 'timeout_headers',
    error: 'first_byte_timeout',
    reason: 'the answer did not begin in time',
  },
  idle: {
    label: 'timeout_idle',
    error: 'idle_timeout',
    reason: 'the answer stood still for too long',
  },
  total: {
    label: 'timeout_total',
    error: 'total_timeout',
    reason: 'the request took longer than its model allows',
  },
} as const satisfies Record<string, Failure>;

/** Errors of the router's own making, which another replica would meet as well. */
const ownErrors = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED']);

/** Puts an error of undici or of the socket in words. */
export function failureOf(error: Error): Failure {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (code === 'ETIMEDOUT') return timeouts.connect;
  if (ownErrors.has(code)) {
    const reason = 'the request cannot be sent on';
    return { label: '_OTHER', error: 'invalid_request', reason };
  }
  return { label: 'connection_error', error: 'replica_failed', reason: reasonOf(code, error.name) };
}

function reasonOf(code: string, name: string): string {
  if (code === 'ECONNREFUSED') return 'the connection was refused';
  const isParser = code.startsWith('HPE_') || name === 'HTTPParserError';
  return isParser ? 'the answer was not HTTP' : 'the connection broke';
}
