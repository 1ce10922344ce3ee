import { isTooLargeResourceVersion, KubeApiError, KubeConnectionError } from './errors.ts';

/** Repeats after the first attempt. */
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
  random: () => number,
): number | undefined {
  if (tries >= mostRetries) return undefined;
  const backoffMs = Math.min(5_000, 100 * 2 ** tries) * (1 + random());
  if (error instanceof KubeConnectionError) {
    const repeatable = error.code !== 'timeout' && (idempotent || !error.sent);
    return repeatable ? backoffMs : undefined;
  }
  if (!(error instanceof KubeApiError) || isTooLargeResourceVersion(error)) return undefined;
  const repeatable = error.status === 429 || (error.status >= 500 && idempotent);
  return repeatable ? (error.retryAfterMs ?? backoffMs) : undefined;
}
