import type { Clock } from './clock.ts';

/** How long a failing key waits. */
export interface RateLimiter {
  /** The delay before the next attempt at `key`, in milliseconds; counts it as a failure. */
  whenMs(key: string): number;
  forget(key: string): void;
}

/** Doubling delays for each key, and one bucket for all keys. */
export interface RateLimits {
  baseMs: number;
  maxMs: number;
  perSecond: number;
  burst: number;
}

/** client-go, util/workqueue/default_rate_limiters.go. */
const defaults: RateLimits = { baseMs: 5, maxMs: 1_000_000, perSecond: 10, burst: 100 };

/** The longer of the key's own doubling delay and the wait for the bucket that all keys share. */
export function createRateLimiter(clock: Clock, limits: Partial<RateLimits> = {}): RateLimiter {
  const { baseMs, maxMs, perSecond, burst } = { ...defaults, ...limits };
  const failures = new Map<string, number>();
  let tokens = burst;
  let filledAtMs = clock.nowMs();
  const reserveMs = () => {
    const nowMs = clock.nowMs();
    tokens = Math.min(burst, tokens + ((nowMs - filledAtMs) / 1000) * perSecond) - 1;
    filledAtMs = nowMs;
    return tokens >= 0 ? 0 : (-tokens / perSecond) * 1000;
  };
  return {
    whenMs(key) {
      const count = failures.get(key) ?? 0;
      failures.set(key, count + 1);
      return Math.max(reserveMs(), Math.min(maxMs, baseMs * 2 ** count));
    },
    forget: (key) => void failures.delete(key),
  };
}
