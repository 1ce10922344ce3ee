import { Peaks } from './peaks.ts';

interface Windows {
  scaleUpWindowMs: number;
  scaleDownWindowMs: number;
}

/** What is known of the replicas at one moment. */
interface Start {
  /** Some of those that are asked for do not serve yet. */
  isStarting: boolean;
  /** The load is far above what the others carry. */
  isTooMuch: boolean;
}

/** The part of the scale-up window after which it counts as worked off, once all replicas serve. */
const workedOffShare = 1 / 2;

/**
 * What piles up before replicas that start. It says how long they took, and not how many are needed for good:
 * what it asked for is forgotten a scale-up window after it is worked off. Until then nothing is given up for a
 * lull; and what piles up again within a scale-down window is a load like any other, so that nothing flaps.
 */
export class Pile {
  readonly #peaks = new Peaks();
  #isGrowing = false;
  #untilMs = Number.NEGATIVE_INFINITY;
  #notBeforeMs = Number.NEGATIVE_INFINITY;

  /** Takes what there is from now on. */
  observe({ isStarting, isTooMuch }: Start, windows: Windows, nowMs: number): void {
    const { scaleUpWindowMs, scaleDownWindowMs } = windows;
    const wasGrowing = this.#isGrowing;
    const isAtWork = wasGrowing || this.isOpen(nowMs);
    this.#isGrowing = isStarting && (isAtWork || (isTooMuch && nowMs >= this.#notBeforeMs));
    if (this.#isGrowing || wasGrowing) this.#untilMs = nowMs + scaleUpWindowMs * workedOffShare;
    if (this.#isGrowing || wasGrowing || (isStarting && isTooMuch))
      this.#notBeforeMs = nowMs + scaleUpWindowMs + scaleDownWindowMs;
  }

  /** Whether what is asked for now counts for the pile alone. */
  isOpen(nowMs: number): boolean {
    return nowMs < this.#untilMs;
  }

  /** Replicas that are asked for from now on; 0 while it is not open. */
  add(replicas: number, nowMs: number): void {
    this.#peaks.add(replicas, nowMs);
  }

  /** The most replicas that it asked for and that are not forgotten. */
  highest(windows: Windows, nowMs: number): number {
    return this.#peaks.highest(this.#windowMs(windows, nowMs), nowMs);
  }

  /** When time alone will change it; each undefined: not at all. */
  changesAtMs(windows: Windows, nowMs: number): (number | undefined)[] {
    const closesAtMs = this.isOpen(nowMs) && !this.#isGrowing ? this.#untilMs : undefined;
    return [closesAtMs, this.#peaks.passesAtMs(this.#windowMs(windows, nowMs))];
  }

  #windowMs({ scaleUpWindowMs, scaleDownWindowMs }: Windows, nowMs: number): number {
    return this.isOpen(nowMs) ? scaleDownWindowMs : scaleUpWindowMs;
  }
}
