/** What a queue knows of a request that waits in it. */
export interface Queued {
  /** The higher goes first. */
  readonly priority: number;
  /** What it holds in memory. */
  readonly bytes: number;
}

interface Level<T> {
  readonly priority: number;
  /** In the order of their coming, each with how many that came later have gone before it. */
  readonly waiting: Map<T, number>;
}

/** How often it is asked at most how well a place fits a request, to fill one. */
const comparisons = 32;
/** So many that came later may go before a request. */
const mostPassing = 64;

/** Requests that wait for one model: the highest priority first, and within it about in the order of their coming. */
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

  /** Who is the oldest of the highest priority. */
  get first(): T | undefined {
    return this.#levels[0]?.waiting.keys().next().value;
  }

  /**
   * Chooses who goes next, of the oldest few of the highest priority; it is to be removed then.
   * @param places where it may go: the fewer, the more are compared
   * @param fitOf how well those suit one; of equals the oldest goes
   */
  choose(places: number, fitOf: (entry: T) => number): T | undefined {
    const waiting = this.#levels[0]?.waiting ?? new Map<T, number>();
    let left = Math.ceil(comparisons / Math.max(1, places));
    let chosen: T | undefined;
    let best = Number.NEGATIVE_INFINITY;
    for (const [entry, passing] of waiting) {
      const own = fitOf(entry);
      if (own > best) [chosen, best] = [entry, own];
      if (passing === mostPassing || --left === 0) break;
    }
    for (const [entry, passing] of waiting) {
      if (entry === chosen) break;
      waiting.set(entry, passing + 1);
    }
    return chosen;
  }

  add(entry: T): void {
    this.#level(entry.priority).waiting.set(entry, 0);
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
    for (const { waiting } of this.#levels) yield* waiting.keys();
  }

  #level(priority: number): Level<T> {
    const at = this.#levels.findIndex((level) => level.priority <= priority);
    const known = this.#levels[at];
    if (known?.priority === priority) return known;
    const level: Level<T> = { priority, waiting: new Map() };
    this.#levels.splice(at < 0 ? this.#levels.length : at, 0, level);
    return level;
  }
}
