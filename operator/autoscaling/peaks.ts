/** The highest value of the last while, of a value that is told whenever it changes. */
export class Peaks {
  /** Falling values, each with the time until which it was reached; the last is the present one. */
  readonly #entries: { value: number; untilMs: number }[] = [];

  /** The value that was told last. */
  get present(): number {
    return this.#entries.at(-1)?.value ?? 0;
  }

  /** The value from now on. */
  add(value: number, nowMs: number): void {
    const present = this.#entries.at(-1);
    if (present) present.untilMs = nowMs;
    const higher = this.#entries.findLastIndex((entry) => entry.value > value);
    this.#entries.splice(higher + 1);
    this.#entries.push({ value, untilMs: nowMs });
  }

  /** The highest value of the last `windowMs`, the present one included. Forgets what is older. */
  highest(windowMs: number, nowMs: number): number {
    while (this.#entries.length > 1 && (this.#entries[0]?.untilMs ?? 0) <= nowMs - windowMs)
      this.#entries.shift();
    return this.#entries[0]?.value ?? 0;
  }

  /** When the highest value of the last `windowMs` will have passed; undefined when it is the present one. */
  passesAtMs(windowMs: number): number | undefined {
    const [highest, next] = this.#entries;
    return highest && next && highest.untilMs + windowMs;
  }
}
