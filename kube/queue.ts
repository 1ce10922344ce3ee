import { systemClock } from './clock.ts';
import type { Instruments } from './logger.ts';
import { createRateLimiter, type RateLimits } from './rate-limiter.ts';

/** `low` waits until nothing `normal` does. */
export type Priority = 'normal' | 'low';

export interface WorkQueueOptions extends Instruments {
  /** The `name` and `controller` labels of its metrics. */
  name: string;
  limits?: Partial<RateLimits>;
}

/** Keys to work on, each at most once at a time (client-go, util/workqueue). */
export function createWorkQueue(options: WorkQueueOptions) {
  const { name, metrics, clock = systemClock } = options;
  const labels = { name, controller: name };
  const limiter = createRateLimiter(clock, options.limits);
  /** Keys to be worked on, with their priority; those not in `processing` are in `ready` as well. */
  const dirty = new Map<string, { priority: Priority; sinceMs: number }>();
  const processing = new Map<string, number>();
  const ready = { normal: new Set<string>(), low: new Set<string>() };
  const delayed = new Map<string, { atMs: number; cancel: () => void }>();
  const waiters: ((key: string | undefined) => void)[] = [];
  const idle = Promise.withResolvers<void>();
  let stopped = false;

  const showDepth = (priority: Priority) =>
    metrics?.queueDepth.set({ ...labels, priority }, ready[priority].size);
  const stopAges = metrics?.onCollect(() => {
    const ages = [...processing.values()].map((sinceMs) => (clock.nowMs() - sinceMs) / 1000);
    const sum = ages.reduce((total, age) => total + age, 0);
    metrics.unfinishedSeconds.set(labels, sum);
    metrics.longestRunningSeconds.set(labels, Math.max(0, ...ages));
  });

  function makeReady(key: string, priority: Priority): void {
    ready[priority].add(key);
    const waiter = waiters.shift();
    if (waiter) waiter(take());
    else showDepth(priority);
  }

  function take(): string | undefined {
    const priority = ready.normal.size > 0 ? 'normal' : 'low';
    const [key] = ready[priority];
    if (key === undefined) return undefined;
    ready[priority].delete(key);
    showDepth(priority);
    const nowMs = clock.nowMs();
    metrics?.queueSeconds.observe(labels, (nowMs - (dirty.get(key)?.sinceMs ?? nowMs)) / 1000);
    dirty.delete(key);
    processing.set(key, nowMs);
    return key;
  }

  /** A key that waits stays where it is; one that is worked on comes again, once, after its `done`. */
  function add(key: string, priority: Priority = 'normal'): void {
    if (stopped) return;
    const waiting = dirty.get(key);
    if (waiting) {
      if (priority === 'low' || waiting.priority === 'normal') return;
      waiting.priority = 'normal';
      if (!ready.low.delete(key)) return;
      showDepth('low');
      makeReady(key, 'normal');
      return;
    }
    metrics?.queueAdds.inc(labels);
    dirty.set(key, { priority, sinceMs: clock.nowMs() });
    if (!processing.has(key)) makeReady(key, priority);
  }

  /** Adds after `delayMs`; of several pending delays for one key the earliest stays. */
  function addAfter(key: string, delayMs: number): void {
    if (stopped) return;
    if (!(delayMs > 0)) {
      add(key);
      return;
    }
    const atMs = clock.nowMs() + delayMs;
    const pending = delayed.get(key);
    if (pending && pending.atMs <= atMs) return;
    pending?.cancel();
    const cancel = clock.after(delayMs, () => {
      delayed.delete(key);
      add(key);
    });
    delayed.set(key, { atMs, cancel });
  }

  return {
    add,
    addAfter,
    /** Adds after the delay that its failures since the last `forget` ask for. */
    addRateLimited(key: string): void {
      metrics?.queueRetries.inc(labels);
      addAfter(key, limiter.whenMs(key));
    },
    forget: limiter.forget,
    /** Keys that wait to be taken. */
    get size() {
      return ready.normal.size + ready.low.size;
    },
    /** The next key, when there is one; undefined once the queue is stopped. End it with `done`. */
    async get(): Promise<string | undefined> {
      const key = take();
      if (stopped || key !== undefined) return key;
      return new Promise((resolve) => waiters.push(resolve));
    },
    done(key: string): void {
      const sinceMs = processing.get(key);
      if (sinceMs === undefined) return;
      processing.delete(key);
      metrics?.workSeconds.observe(labels, (clock.nowMs() - sinceMs) / 1000);
      const again = dirty.get(key);
      if (again) makeReady(key, again.priority);
      if (stopped && processing.size === 0) idle.resolve();
    },
    /** Drops what waits, takes nothing more, and resolves when what is being worked on is done. */
    stop(): Promise<void> {
      stopped = true;
      for (const { cancel } of delayed.values()) cancel();
      for (const waiter of waiters.splice(0)) waiter(undefined);
      for (const set of [delayed, dirty, ready.normal, ready.low]) set.clear();
      stopAges?.();
      if (processing.size === 0) idle.resolve();
      return idle.promise;
    },
  };
}
