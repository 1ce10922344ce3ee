import type { Model } from '../catalog/model.ts';
import type { Target } from '../catalog/target.ts';
import { ApiError } from '../openai/errors.ts';
import { type Failure, timeouts } from './failure.ts';

/**
 * The error for a model that no replica can serve now: it is full, or not ready, with the operator's
 * reason if there is one.
 */
export function notReady(target: Target | undefined): ApiError {
  const { model, adapter } = target ?? {};
  if (adapter !== undefined && model && model.replicas.length > 0) {
    const message = `No replica of the model ${model.servedName} has its adapter ${adapter} at present.`;
    return new ApiError('no_ready_replica', message, 'model');
  }
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

/** The error for a request that found the places taken where it could have waited. */
export function fullHold(model: Model | undefined): ApiError {
  const name = model?.servedName ?? '';
  const message = `No replica of the model ${name} can take the request, and no more requests may wait for one.`;
  return new ApiError('hold_full', message, 'model');
}

/** The error for a request that waited for what is gone now or will not start. @param name that was asked for */
export function noLongerHeld(target: Target | undefined, name: string): ApiError {
  if (target) return notReady(target);
  return new ApiError('model_not_found', `The model \`${name}\` does not exist any more.`, 'model');
}

/** The error for a request that has waited for a replica until its deadline. */
export function waitedTooLong(model: Model | undefined): ApiError {
  const name = model?.servedName ?? '';
  const seconds = (model?.hold?.timeoutMs ?? 0) / 1000;
  const isAsleep = model?.counts.desired === 0 && model.hold?.autoscaled === false;
  const why = model?.notReadyMessage ? `: ${model.notReadyMessage}` : '.';
  const message = isAsleep
    ? `The model ${name} has 0 replicas by its spec.replicas, and nothing has raised it within ${seconds} s. Scale it, or give it spec.autoscaling.`
    : `No replica of the model ${name} had room for the request within ${seconds} s${why}`;
  return new ApiError('hold_timeout', message, 'model');
}

/** The error for an answer that cannot be given any more, since the client reads a stream by now. */
export function notInStream(status: number): ApiError {
  const message = `The model’s replica answered with status ${status} and no stream of events.`;
  return new ApiError('replica_failed', message);
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
