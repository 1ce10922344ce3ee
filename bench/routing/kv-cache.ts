import type { SimRequest } from './request.ts';

/** The place that a sequence takes in a replica's memory. */
export interface Reservation {
  /** Prompt tokens that need not be computed. */
  cachedTokens: number;
  /** Blocks of the sequence that are shared by their content, from the first on. */
  shared: number;
  /** Blocks that are the sequence's own. */
  own: number;
}

/**
 * A replica's key-value memory in blocks: sequences reserve all they will need before they start; blocks
 * of ended sequences stay as a prefix cache until their place is needed, the longest unused first.
 */
export class KvCache {
  readonly #capacityBlocks: number;
  readonly #blockTokens: number;
  /** Blocks in use, with how many sequences use them. */
  readonly #used = new Map<number, number>();
  /** Blocks that no sequence uses, the longest unused first. */
  readonly #idle = new Map<number, true>();
  #reserved = 0;

  constructor(capacityTokens: number, blockTokens: number) {
    this.#capacityBlocks = Math.floor(capacityTokens / blockTokens);
    this.#blockTokens = blockTokens;
  }

  /** The share of the memory that sequences hold. */
  get usedShare(): number {
    return this.#reserved / this.#capacityBlocks;
  }

  /** Reserves a whole sequence; undefined when there is no place now. */
  reserve(request: SimRequest): Reservation | undefined {
    const { blocks, promptBlocks, inputTokens, outputTokens } = request;
    const total = Math.ceil((inputTokens + outputTokens) / this.#blockTokens);
    let shared = 0;
    let woken = 0;
    for (; shared < promptBlocks; shared++) {
      const block = blocks[shared] ?? 0;
      if (this.#idle.has(block)) woken++;
      else if (!this.#used.has(block)) break;
    }
    if (this.#reserved + total - shared + woken > this.#capacityBlocks) return undefined;
    for (let at = 0; at < shared; at++) this.#use(blocks[at] ?? 0);
    const own = total - shared;
    this.#reserved += own;
    this.#evict();
    // At least one token is always computed, for the first answer comes out of it.
    const cachedTokens = Math.min(shared * this.#blockTokens, inputTokens - 1);
    return { cachedTokens, shared, own };
  }

  /** Makes the first `count` blocks of a sequence known, since they are computed now. */
  publish({ blocks }: SimRequest, reservation: Reservation, count: number): void {
    for (; reservation.shared < count; reservation.shared++) {
      this.#use(blocks[reservation.shared] ?? 0);
      reservation.own--;
      this.#reserved--;
    }
  }

  /** Ends a sequence; its blocks stay for others while there is room. */
  release({ blocks }: SimRequest, reservation: Reservation): void {
    for (let at = reservation.shared - 1; at >= 0; at--) {
      const block = blocks[at] ?? 0;
      const users = (this.#used.get(block) ?? 0) - 1;
      if (users > 0) {
        this.#used.set(block, users);
      } else {
        this.#used.delete(block);
        this.#reserved--;
        this.#idle.set(block, true);
      }
    }
    this.#reserved -= reservation.own;
    this.#evict();
  }

  #use(block: number): void {
    const users = this.#used.get(block) ?? 0;
    if (users === 0) {
      this.#idle.delete(block);
      this.#reserved++;
    }
    this.#used.set(block, users + 1);
  }

  #evict(): void {
    while (this.#reserved + this.#idle.size > this.#capacityBlocks) {
      const oldest = this.#idle.keys().next();
      if (oldest.done) return;
      this.#idle.delete(oldest.value);
    }
  }
}
