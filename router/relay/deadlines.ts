import { type Deadline, DeadlineWheel } from './deadline-wheel.ts';

const never: Deadline = { cancel() {} };

/** The deadlines of all requests, on one timer, which rests while there are none. */
export class Deadlines {
  readonly #nowMs: () => number;
  readonly #wheel: DeadlineWheel;
  #timer: NodeJS.Timeout | undefined;

  /** @param nowMs a clock that never goes back */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#wheel = new DeadlineWheel(nowMs());
  }

  /** How many are waited for. */
  get size(): number {
    return this.#wheel.size;
  }

  /** Calls `act` once `afterMs` have passed, a tick late at most; 0: never. */
  after(afterMs: number, act: () => void): Deadline {
    if (afterMs === 0) return never;
    if (!this.#timer) {
      this.#wheel.advance(this.#nowMs());
      this.#timer = setInterval(() => this.#advance(), this.#wheel.tickMs).unref();
    }
    return this.#wheel.add(this.#nowMs() + afterMs, act);
  }

  /**
   * Calls `act` once there was silence for `afterMs`: since now, or since the last `heard()`. Hearing
   * costs one assignment, so that it can be done for each chunk of a stream.
   */
  silence(afterMs: number, act: () => void): Deadline & { heard(): void } {
    let lastMs = this.#nowMs();
    const check = () => {
      const leftMs = lastMs + afterMs - this.#nowMs();
      if (leftMs <= 0) act();
      else deadline = this.after(leftMs, check);
    };
    let deadline = this.after(afterMs, check);
    return {
      heard: () => {
        lastMs = this.#nowMs();
      },
      cancel: () => deadline.cancel(),
    };
  }

  #advance(): void {
    this.#wheel.advance(this.#nowMs());
    if (this.#wheel.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
