import { setTimeout as delay } from 'node:timers/promises';

const pollIntervalMs = 100;

/**
 * Asks `probe` until it gives something other than undefined, and returns that.
 * A probe that throws counts as "not yet"; the last error is told when the deadline passes.
 */
export async function waitUntil<T>(
  description: string,
  probe: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 60_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      const result = await probe();
      if (result !== undefined) return result;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`not within ${timeoutMs} ms: ${description}`, { cause: lastError });
    }
    await delay(pollIntervalMs);
  }
}
