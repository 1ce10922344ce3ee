import { type Clock, systemClock } from '../clock.ts';

/** A clock that stands still until it is moved. */
export interface FakeClock extends Clock {
  /** Moves on, running what falls due in order. */
  advance(byMs: number): void;
  /** Moves on to the next timer there is, and runs it. */
  advanceToNext(): void;
  /** Timers that have not run. */
  readonly pending: number;
}

export function createFakeClock(): FakeClock {
  let nowMs = 0;
  let order = 0;
  const timers = new Map<number, { atMs: number; callback: () => void }>();
  const clock: FakeClock = {
    nowMs: () => nowMs,
    after(delayMs, callback) {
      const id = order++;
      timers.set(id, { atMs: nowMs + delayMs, callback });
      return () => timers.delete(id);
    },
    advance(byMs) {
      const endMs = nowMs + byMs;
      for (;;) {
        const due = [...timers].filter(([, timer]) => timer.atMs <= endMs);
        const next = due.sort(([a, x], [b, y]) => x.atMs - y.atMs || a - b)[0];
        if (!next) break;
        timers.delete(next[0]);
        nowMs = Math.max(nowMs, next[1].atMs);
        next[1].callback();
      }
      nowMs = endMs;
    },
    advanceToNext() {
      const next = Math.min(...[...timers.values()].map(({ atMs }) => atMs));
      if (timers.size > 0) clock.advance(next - nowMs);
    },
    get pending() {
      return timers.size;
    },
  };
  return clock;
}

/** The system's clock, `factor` times as fast: delays of seconds pass in milliseconds, sockets stay real. */
export function createFastClock(factor: number): Clock {
  return {
    nowMs: () => systemClock.nowMs() * factor,
    after: (delayMs, callback) => systemClock.after(delayMs / factor, callback),
  };
}
