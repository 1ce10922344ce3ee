/** What a queue knows of a request that waits in it. */
export interface Queued {
  /** The higher goes first. */
  readonly priority: number;
  /** What it holds in memory. */
  readonly bytes: number;
}

interface Level<T> {
  readonly priority: number;
  /** In the order of their coming. */
  readonly waiting: Set<T>;
}

/** Requests that wait for one model: the highest priority first, and first come, first served within it. */
export class PriorityQueue<T extends Queued> implements Iterable<T> {
  /** Highest first; none is empty. */
  readonly #levels: Level<T>[] = [];
  #length = 0;
  #bytes = 0;

  get length(): number {
    return this.#length;
  }

  /** Of all that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Who is next. */
  get first(): T | undefined {
    return this.#levels[0]?.waiting.values().next().value;
  }

  add(entry: T): void {
    this.#level(entry.priority).waiting.add(entry);
    this.#length++;
    this.#bytes += entry.bytes;
  }

  /** @returns whether it was there */
  remove(entry: T): boolean {
    const at = this.#levels.findIndex(({ priority }) => priority === entry.priority);
    const waiting = this.#levels[at]?.waiting;
    if (!waiting?.delete(entry)) return false;
    if (waiting.size === 0) this.#levels.splice(at, 1);
    this.#length--;
    this.#bytes -= entry.bytes;
    return true;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (const { waiting } of this.#levels) yield* waiting;
  }

  #level(priority: number): Level<T> {
    const at = this.#levels.findIndex((level) => level.priority <= priority);
    const known = this.#levels[at];
    if (known?.priority === priority) return known;
    const level: Level<T> = { priority, waiting: new Set() };
    this.#levels.splice(at < 0 ? this.#levels.length : at, 0, level);
    return level;
  }
}
