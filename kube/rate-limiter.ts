import { backoffMs, type Clock } from './clock.ts';

/** client-go, util/workqueue/default_rate_limiters.go. */
const defaults = { minMs: 5, maxMs: 1_000_000, perSecond: 10, burst: 100 };
export type RateLimits = typeof defaults;

/**
 * How long a failing key waits: the longer of its own doubling delay and the wait for the bucket that all
 * keys share.
 */
export function createRateLimiter(clock: Clock, limits: Partial<RateLimits> = {}) {
  const { minMs, maxMs, perSecond, burst } = { ...defaults, ...limits };
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
    /** The delay before the next attempt at `key`, in milliseconds; counts it as a failure. */
    whenMs(key: string): number {
      const count = failures.get(key) ?? 0;
      failures.set(key, count + 1);
      return Math.max(reserveMs(), backoffMs(count, minMs, maxMs));
    },
    forget: (key: string) => void failures.delete(key),
  };
}
