/** Time, passed in so that tests can hold it. */
export interface Clock {
  /** Monotonic milliseconds from an arbitrary start; goes on while the process is stopped. */
  nowMs(): number;
  /** Runs `callback` once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

/** setTimeout fires at once for anything above this (2^31-1 ms, 24.8 days). */
const longestTimerMs = 2 ** 31 - 1;

/** The process's own clock. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), longestTimerMs));
    return () => clearTimeout(timer);
  },
};

/** Resolves after `delayMs`, or at once when `signal` aborts; never rejects. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const finish = () => {
      cancel();
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = clock.after(delayMs, finish);
    signal?.addEventListener('abort', finish, { once: true });
  });
}

/** Growing delays between attempts. */
export interface Backoff {
  /** The next delay in milliseconds. */
  nextMs(): number;
  /** Back to the first delay. */
  reset(): void;
}

/** Doubling delays from `minMs`, each stretched by up to its own length at random, never above `maxMs`. */
export function createBackoff(minMs: number, maxMs: number, random = Math.random): Backoff {
  let baseMs = minMs;
  return {
    nextMs() {
      const delayMs = Math.min(maxMs, baseMs * (1 + random()));
      baseMs = Math.min(maxMs, baseMs * 2);
      return delayMs;
    },
    reset() {
      baseMs = minMs;
    },
  };
}
