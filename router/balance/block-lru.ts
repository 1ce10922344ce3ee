const firstAllocation = 256;

/**
 * The blocks that a replica is thought to hold in its prefix cache: a set of 32-bit block hashes with a
 * bound; the block that was touched the longest time ago goes first. Arrays of numbers instead of a Map
 * of objects: 20 to 40 bytes a block, and nothing for the garbage collector to follow.
 */
export class BlockLru {
  readonly #capacity: number;
  #size = 0;
  /** Entries are numbered from 1; 0 is the end of the list. `next` leads to older entries. */
  #newest = 0;
  #oldest = 0;
  #keys = new Int32Array(0);
  #newer = new Int32Array(0);
  #older = new Int32Array(0);
  /** Open addressing with linear probing: the number of the entry, 0 where there is none. */
  #table = new Int32Array(0);

  /** @param capacity how many blocks are held at most */
  constructor(capacity: number) {
    this.#capacity = Math.max(1, Math.floor(capacity));
    this.#allocate(Math.min(firstAllocation, this.#capacity));
  }

  /** How many blocks are held. */
  get size(): number {
    return this.#size;
  }

  /** Whether the next new block drives another out. */
  get isFull(): boolean {
    return this.#size === this.#capacity;
  }

  /** Bytes of memory that the arrays take. */
  get sizeBytes(): number {
    return 4 * (this.#table.length + 3 * this.#keys.length);
  }

  has(key: number): boolean {
    return this.#table[this.#find(key)] !== 0;
  }

  /**
   * How many of the leading blocks of a prompt are held. {@link add} keeps the set closed under
   * prefixes, so that a binary search finds the end.
   */
  matchLength(blocks: Int32Array): number {
    if (this.#size === 0 || blocks.length === 0 || !this.has(blocks[0] ?? 0)) return 0;
    let held = 1;
    let end = blocks.length;
    while (held < end) {
      const middle = (held + end + 1) >>> 1;
      if (this.has(blocks[middle - 1] ?? 0)) held = middle;
      else end = middle - 1;
    }
    return held;
  }

  /** Takes in a prompt's blocks, the last one first, so that ends of prompts leave before beginnings. */
  add(blocks: Int32Array): void {
    for (let at = Math.min(blocks.length, this.#capacity) - 1; at >= 0; at--) {
      this.#touch(blocks[at] ?? 0);
    }
  }

  /** The blocks held, the newest first. */
  *keys(): Generator<number> {
    for (let entry = this.#newest; entry !== 0; entry = this.#older[entry] ?? 0) {
      yield this.#keys[entry] ?? 0;
    }
  }

  #touch(key: number): void {
    const found = this.#table[this.#find(key)] ?? 0;
    if (found !== 0) {
      if (found === this.#newest) return;
      this.#unlink(found);
      this.#linkNewest(found);
      return;
    }
    let entry: number;
    if (this.#size === this.#capacity) {
      entry = this.#oldest;
      this.#unlink(entry);
      this.#removeFromTable(this.#keys[entry] ?? 0);
    } else {
      entry = ++this.#size;
      if (entry === this.#keys.length) this.#allocate(Math.min(2 * entry, this.#capacity));
    }
    this.#keys[entry] = key;
    this.#table[this.#find(key)] = entry;
    this.#linkNewest(entry);
  }

  /** The table's place where a key stands, or where it would. */
  #find(key: number): number {
    const table = this.#table;
    const mask = table.length - 1;
    let at = scatter(key) & mask;
    while (true) {
      const entry = table[at] ?? 0;
      if (entry === 0 || this.#keys[entry] === key) return at;
      at = (at + 1) & mask;
    }
  }

  /** Removes a key and moves up those behind it that it had pushed from their place. */
  #removeFromTable(key: number): void {
    const table = this.#table;
    const mask = table.length - 1;
    let hole = this.#find(key);
    let at = hole;
    while (true) {
      at = (at + 1) & mask;
      const entry = table[at] ?? 0;
      if (entry === 0) break;
      const home = scatter(this.#keys[entry] ?? 0) & mask;
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        table[hole] = entry;
        hole = at;
      }
    }
    table[hole] = 0;
  }

  #linkNewest(entry: number): void {
    this.#newer[entry] = 0;
    this.#older[entry] = this.#newest;
    if (this.#newest !== 0) this.#newer[this.#newest] = entry;
    else this.#oldest = entry;
    this.#newest = entry;
  }

  #unlink(entry: number): void {
    const newer = this.#newer[entry] ?? 0;
    const older = this.#older[entry] ?? 0;
    if (newer !== 0) this.#older[newer] = older;
    else this.#newest = older;
    if (older !== 0) this.#newer[older] = newer;
    else this.#oldest = newer;
  }

  /** Makes room for `entries` blocks; the table is at most half full. */
  #allocate(entries: number): void {
    this.#keys = grown(this.#keys, entries + 1);
    this.#newer = grown(this.#newer, entries + 1);
    this.#older = grown(this.#older, entries + 1);
    this.#table = new Int32Array(2 ** Math.ceil(Math.log2(2 * entries)));
    for (let entry = this.#newest; entry !== 0; entry = this.#older[entry] ?? 0) {
      this.#table[this.#find(this.#keys[entry] ?? 0)] = entry;
    }
  }
}

function grown(array: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length);
  larger.set(array);
  return larger;
}

/** Spreads keys whose low bits are alike. */
function scatter(key: number): number {
  return Math.imul(key ^ (key >>> 15), 0x9e3779b1) >>> 7;
}
