import { unitsBefore } from './blocks.ts';

/** The blocks of prompts that open requests have in a replica's memory, where those with one beginning share it. */
export class BlocksInUse {
  /** How many requests have each. */
  readonly #users = new Map<number, number>();
  #units = 0;

  /** Units of all of them, each block once. */
  get units(): number {
    return this.#units;
  }

  /** How many open requests have this block. */
  users(key: number): number {
    return this.#users.get(key) ?? 0;
  }

  /** A request with this prompt is open. */
  take(blocks: Int32Array): void {
    for (let at = 0; at < blocks.length; at++) {
      const key = blocks[at] as number;
      const users = this.#users.get(key) ?? 0;
      if (users === 0) this.#units += blockUnits(at);
      this.#users.set(key, users + 1);
    }
  }

  /** It is over. To be called once for each {@link take}, with the same blocks. */
  free(blocks: Int32Array): void {
    for (let at = 0; at < blocks.length; at++) {
      const key = blocks[at] as number;
      const users = this.#users.get(key) ?? 0;
      if (users > 1) this.#users.set(key, users - 1);
      else if (this.#users.delete(key)) this.#units -= blockUnits(at);
    }
  }
}

function blockUnits(at: number): number {
  return (unitsBefore[at + 1] ?? 0) - (unitsBefore[at] ?? 0);
}
