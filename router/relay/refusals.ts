import type { Model } from '../catalog/model.ts';
import { ApiError } from '../openai/errors.ts';
import { type Failure, timeouts } from './failure.ts';

/**
 * The error for a model that no replica can serve now: it is full, or not ready, with the operator's
 * reason if there is one.
 */
export function notReady(model: Model | undefined): ApiError {
  if (model?.maxInFlight !== undefined && model.replicas.length > 0) {
    const message = `The model ${model.servedName} has ${model.maxInFlight} requests open, which is its limit.`;
    return new ApiError('rate_limit_exceeded', message, 'model', { retryAfterMs: 1_000 });
  }
  const why = model?.notReadyMessage ? `: ${model.notReadyMessage}` : '.';
  return new ApiError(
    'no_ready_replica',
    `The model ${model?.servedName ?? ''} has no ready replica${why}`,
    'model',
  );
}

/** The error for a request that no replica answered. @param failure of the last one asked */
export function unanswered({ error, reason }: Failure): ApiError {
  return new ApiError(error, `No replica could answer: ${reason}.`);
}

/** The error in an answer that has begun. @param failure undefined: it came to an end that is none */
export function brokenOff(failure?: Failure): ApiError {
  const isLate = failure === timeouts.idle || failure === timeouts.total;
  if (isLate) return new ApiError(failure.error, `The answer was cut off: ${failure.reason}.`);
  const message = 'The model’s replica broke off in the middle of this answer.';
  return new ApiError('stream_truncated', message);
}
