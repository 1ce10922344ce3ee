import { backoffMs, jittered } from './clock.ts';
import { isTooLargeResourceVersion, KubeApiError, KubeConnectionError } from './errors.ts';

const mostRetries = 5;

/**
 * How long to wait before repeating a failed request, in milliseconds; undefined when it must not be.
 * A 429 was refused before it was handled, and an unsent request never arrived, so both may be repeated
 * whatever the verb; a 5xx or a broken connection only when the request is idempotent. The server's
 * Retry-After is waited for in full (client-go, rest/with_retry.go).
 * @param tries failed attempts so far, less one
 */
export function retryDelayMs(
  error: unknown,
  tries: number,
  idempotent: boolean,
): number | undefined {
  if (tries >= mostRetries || isTooLargeResourceVersion(error)) return undefined;
  const delayMs = jittered(backoffMs(tries, 100, 5_000));
  if (error instanceof KubeConnectionError)
    return error.code !== 'timeout' && (idempotent || !error.sent) ? delayMs : undefined;
  if (!(error instanceof KubeApiError)) return undefined;
  const repeatable = error.status === 429 || (error.status >= 500 && idempotent);
  return repeatable ? (error.retryAfterMs ?? delayMs) : undefined;
}
