/** A stretch of time: the signal's mean over it, and its least value in it. */
interface Stretch {
  fromMs: number;
  untilMs: number;
  mean: number;
  least: number;
}

/**
 * What the signal was over the last while: a step function that is told of each step. Stretches that are
 * shorter than `grainMs` are kept as one, so that its size is bounded however often the signal changes.
 */
export class LoadHistory {
  readonly #stretches: Stretch[] = [];
  #value: number;
  #sinceMs: number;
  /** What the signal is taken to have been before it was first told of. */
  readonly #before: number;

  constructor(value: number, before: number, nowMs: number) {
    this.#value = value;
    this.#before = before;
    this.#sinceMs = nowMs;
  }

  /** The signal has this value from now on. Forgets what is older than `keptMs`. */
  observe(value: number, nowMs: number, { keptMs, grainMs }: { keptMs: number; grainMs: number }) {
    this.#append(
      { fromMs: this.#sinceMs, untilMs: nowMs, mean: this.#value, least: this.#value },
      grainMs,
    );
    this.#value = value;
    this.#sinceMs = nowMs;
    const kept = this.#stretches.findIndex(({ untilMs }) => untilMs > nowMs - keptMs);
    this.#stretches.splice(0, kept < 0 ? this.#stretches.length : kept);
  }

  /** The mean over the last `windowMs`; over none, the present value. */
  mean(windowMs: number, nowMs: number): number {
    if (windowMs <= 0) return this.#value;
    let sum = 0;
    let seenMs = 0;
    for (const { fromMs, untilMs, mean } of this.#within(windowMs, nowMs)) {
      sum += mean * (untilMs - fromMs);
      seenMs += untilMs - fromMs;
    }
    return (sum + this.#before * (windowMs - seenMs)) / windowMs;
  }

  /** The least value of the last `windowMs`. */
  least(windowMs: number, nowMs: number): number {
    let least = this.#value;
    let seenMs = 0;
    for (const stretch of this.#within(windowMs, nowMs)) {
      least = Math.min(least, stretch.least);
      seenMs += stretch.untilMs - stretch.fromMs;
    }
    return seenMs < windowMs ? Math.min(least, this.#before) : least;
  }

  /** How long the signal has been at its present value or above, without a break; milliseconds. */
  sustainedMs(nowMs: number): number {
    const lower = this.#stretches.findLast(({ least }) => least < this.#value);
    const first = this.#stretches[0]?.fromMs ?? this.#sinceMs;
    return nowMs - (lower?.untilMs ?? first);
  }

  /** Whether the signal had one value only in the last `windowMs`. */
  isSettled(windowMs: number, nowMs: number): boolean {
    let seenMs = 0;
    for (const { fromMs, untilMs, mean, least } of this.#within(windowMs, nowMs)) {
      if (mean !== this.#value || least !== this.#value) return false;
      seenMs += untilMs - fromMs;
    }
    return seenMs >= windowMs || this.#before === this.#value;
  }

  /** Stretches that are remembered. */
  get size(): number {
    return this.#stretches.length;
  }

  #append(next: Stretch, grainMs: number): void {
    if (next.untilMs <= next.fromMs) return;
    const last = this.#stretches.at(-1);
    if (last === undefined || next.untilMs - last.fromMs > grainMs) {
      this.#stretches.push(next);
      return;
    }
    const lastMs = last.untilMs - last.fromMs;
    const nextMs = next.untilMs - next.fromMs;
    last.mean = (last.mean * lastMs + next.mean * nextMs) / (lastMs + nextMs);
    last.least = Math.min(last.least, next.least);
    last.untilMs = next.untilMs;
  }

  /** The stretches of the last `windowMs`, cut at its beginning. */
  *#within(windowMs: number, nowMs: number): Generator<Stretch> {
    const beginMs = nowMs - windowMs;
    for (const stretch of this.#stretches) {
      if (stretch.untilMs <= beginMs) continue;
      yield stretch.fromMs >= beginMs ? stretch : { ...stretch, fromMs: beginMs };
    }
    const fromMs = Math.max(this.#sinceMs, beginMs);
    if (nowMs > fromMs) yield { fromMs, untilMs: nowMs, mean: this.#value, least: this.#value };
  }
}
