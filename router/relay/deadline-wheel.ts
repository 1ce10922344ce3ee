/** Something that is to happen once, unless it is cancelled before. */
export interface Deadline {
  /** Nothing happens any more; a second call, or one after it has happened, does nothing. */
  cancel(): void;
}

interface Entry extends Deadline {
  readonly dueTick: number;
  readonly act: () => void;
}

/**
 * Deadlines in slots by their time, like the hours on a clock: adding and cancelling cost the same with a
 * hundred thousand of them, and one timer serves all. Times are milliseconds of the caller's clock. A
 * deadline is met never early, and late by at most one tick and the pause between two calls of `advance`.
 */
export class DeadlineWheel {
  readonly tickMs: number;
  readonly #slots: Set<Entry>[];
  #tick: number;
  #size = 0;

  constructor(nowMs: number, tickMs = 50, slots = 512) {
    this.tickMs = tickMs;
    this.#slots = Array.from({ length: slots }, () => new Set());
    this.#tick = Math.floor(nowMs / tickMs);
  }

  /** How many deadlines are waited for. */
  get size(): number {
    return this.#size;
  }

  /** Waits for a time; one that has passed already is met at the next tick. */
  add(dueMs: number, act: () => void): Deadline {
    const dueTick = Math.max(Math.ceil(dueMs / this.tickMs), this.#tick + 1);
    const slot = this.#slotOf(dueTick);
    const entry: Entry = {
      dueTick,
      act,
      cancel: () => {
        if (slot.delete(entry)) this.#size--;
      },
    };
    slot.add(entry);
    this.#size++;
    return entry;
  }

  /** Lets everything happen that is due; what happens may add and cancel deadlines. */
  advance(nowMs: number): void {
    const target = Math.floor(nowMs / this.tickMs);
    // After a long pause each slot is looked at once; what is due is found by its own tick.
    this.#tick = Math.max(this.#tick, target - this.#slots.length);
    while (this.#tick < target) {
      this.#tick++;
      for (const entry of this.#slotOf(this.#tick)) {
        if (entry.dueTick > this.#tick) continue;
        entry.cancel();
        entry.act();
      }
    }
  }

  #slotOf(tick: number): Set<Entry> {
    const slot = this.#slots[tick % this.#slots.length];
    if (!slot) throw new RangeError('a wheel has at least one slot');
    return slot;
  }
}
