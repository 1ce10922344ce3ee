import type { ErrorType, Outcome, QueueOutcome } from './contract/values.ts';

/**
 * How a request ended, from what the client saw and what went wrong.
 * @param status the HTTP status sent, 0 when none was
 * @param errorType what went wrong beside the status, if anything
 */
export function outcomeOf(status: number, errorType: ErrorType | undefined): Outcome {
  switch (errorType) {
    case 'client_disconnected':
      return 'cancelled';
    case 'timeout_connect':
    case 'timeout_headers':
    case 'timeout_idle':
    case 'timeout_total':
    case 'queue_timeout':
      return 'timeout';
    case 'overloaded':
    case 'no_backend':
      return 'rejected';
    case 'stream_truncated':
    case 'connection_error':
      return 'server_error';
  }
  if (status >= 500 || status === 0) return 'server_error';
  return status >= 400 ? 'client_error' : 'ok';
}

/** `error.type` of a request: the given one, else the status as text when it is one of an error. */
export function errorTypeOf(status: number, errorType: ErrorType | undefined): string | undefined {
  return errorType ?? (status >= 400 ? String(status) : undefined);
}

const queueErrors = {
  dispatched: undefined,
  timeout: 'queue_timeout',
  rejected: 'overloaded',
  cancelled: 'client_disconnected',
} as const satisfies Record<QueueOutcome, ErrorType | undefined>;

/** `error.type` of a wait; undefined where it led to a replica. */
export function queueErrorOf(outcome: QueueOutcome): ErrorType | undefined {
  return queueErrors[outcome];
}

/** How a wait ended that the request's own end ended. */
export function queueOutcomeOf(errorType: ErrorType | undefined): QueueOutcome {
  if (errorType === 'client_disconnected') return 'cancelled';
  return errorType === 'overloaded' ? 'rejected' : 'timeout';
}
