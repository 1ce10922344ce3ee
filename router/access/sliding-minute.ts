const slotMs = 1_000;
const slots = 61;

/**
 * What was used in the last minute, in slots of a second. The oldest second counts in full until all of
 * it is out, so that no minute, wherever it begins, ever holds more than was let in; a place comes back
 * up to a second late.
 */
export class SlidingMinute {
  readonly #amounts = new Array<number>(slots).fill(0);
  /** Number of the newest slot: seconds of the clock. */
  #newest = 0;
  #sum = 0;

  /** Used in the minute before `nowMs`, a time of a clock that never goes back. */
  sum(nowMs: number): number {
    this.#advance(nowMs);
    return this.#sum;
  }

  add(nowMs: number, amount: number): void {
    this.#advance(nowMs);
    const at = this.#newest % slots;
    this.#amounts[at] = (this.#amounts[at] ?? 0) + amount;
    this.#sum += amount;
  }

  /** How long until at most `most` are left of what is used now, in milliseconds; 0: it is so now. */
  waitMs(nowMs: number, most: number): number {
    let left = this.sum(nowMs);
    for (let slot = this.#newest - slots + 1; slot <= this.#newest; slot++) {
      if (left <= most) return waitFor(slot, nowMs);
      left -= this.#amounts[slot % slots] ?? 0;
    }
    return waitFor(this.#newest + 1, nowMs);
  }

  #advance(nowMs: number): void {
    const now = Math.floor(nowMs / slotMs);
    if (now <= this.#newest) return;
    for (let slot = Math.max(this.#newest + 1, now - slots + 1); slot <= now; slot++) {
      this.#sum -= this.#amounts[slot % slots] ?? 0;
      this.#amounts[slot % slots] = 0;
    }
    this.#newest = now;
  }
}

/** Until all slots before `slot` are out of the minute. */
function waitFor(slot: number, nowMs: number): number {
  return Math.max(0, (slot - 1 + slots) * slotMs - nowMs);
}
