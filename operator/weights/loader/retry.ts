import { setTimeout as sleep } from 'node:timers/promises';
import { LoadError, TransientError } from './errors.ts';

/** How often and how patiently transient failures are met. */
export interface Patience {
  /** Failures in a row without progress after which it is given up. */
  attempts: number;
  /** Before the second attempt; doubles with each further one. */
  firstPauseMs: number;
}

const mostPauseMs = 30_000;

/**
 * Calls `attempt` until it succeeds. One that made progress before it failed counts as the first again.
 * @param progress grows while something is gained, such as the bytes on disk
 * @throws LoadError the attempt's own, or Unreachable with the last words
 */
export async function persist<T>(
  attempt: () => Promise<T>,
  progress: () => number,
  log: (line: string) => void,
  { attempts, firstPauseMs }: Patience,
): Promise<T> {
  let failures = 0;
  for (;;) {
    const before = progress();
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      failures = progress() > before ? 1 : failures + 1;
      if (failures >= attempts) throw new LoadError('Unreachable', error.message, { cause: error });
      const pauseMs = Math.min(mostPauseMs, firstPauseMs * 2 ** (failures - 1));
      log(`${error.message}; trying again`);
      await sleep(Math.min(mostPauseMs, error.retryAfterMs ?? pauseMs));
    }
  }
}
