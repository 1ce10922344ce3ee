import type { BlockList } from './block-list.ts';
import { maxBlocks, unitsBefore } from './blocks.ts';

const firstAllocation = 256;

/** Numbers of an entry: its key, the entries after and before it in age, its units and its users. */
const stride = 4;
const newer = 1;
const older = 2;
const units = 3;
type Field = 0 | typeof newer | typeof older | typeof units;
/** A block has less than 512 units; above these bits stands how many open requests use it. */
const unitsMask = 511;
const oneUser = 512;

/**
 * The blocks that a replica is thought to hold in its prefix cache: a set of 32-bit block hashes with a
 * bound in units; the block that was touched the longest time ago goes first. Two arrays of numbers instead
 * of a Map of objects: 32 to 48 bytes a block, nothing for the garbage collector to follow, and what belongs
 * together lies together, for what a look-up costs is the memory that it waits for.
 */
export class BlockLru {
  #capacity: number;
  #units = 0;
  #usedUnits = 0;
  #evicts = false;
  /** Entries are numbered from 1; 0 is the end of the list. */
  #newest = 0;
  #oldest = 0;
  /** The first of the entries that are not in use, linked by `older`; 0: none below `#unused`. */
  #free = 0;
  /** The first entry that was never in use. */
  #unused = 1;
  #entries = new Int32Array(0);
  /** Open addressing with linear probing: pairs of a key and the number of its entry, 0 for none. */
  #table = new Int32Array(0);

  /** @param capacity how many units the blocks have together at most */
  constructor(capacity: number) {
    this.#capacity = Math.max(1, Math.floor(capacity));
    this.#allocate(Math.min(firstAllocation, this.#capacity));
  }

  /** Holds so many units at most from now on. */
  limit(capacity: number): void {
    this.#capacity = Math.max(1, Math.floor(capacity));
    this.#evict();
  }

  /** The units of all blocks that are held. */
  get units(): number {
    return this.#units;
  }

  /** The units of the blocks that open requests use, each once. */
  get usedUnits(): number {
    return this.#usedUnits;
  }

  /** Whether new blocks drive others out. */
  get isFull(): boolean {
    return this.#evicts;
  }

  /** Bytes of memory that the arrays take. */
  get sizeBytes(): number {
    return this.#table.byteLength + this.#entries.byteLength;
  }

  has(key: number): boolean {
    return this.#table[this.#find(key) + 1] !== 0;
  }

  /**
   * How many of the leading blocks of a prompt are held. {@link add} keeps the set closed under
   * prefixes, so that a binary search finds the end.
   * @param guess tried first: replicas often hold as much as the one before
   */
  matchLength(blocks: Int32Array, guess = 0): number {
    if (this.#units === 0 || blocks.length === 0 || !this.has(blocks[0] as number)) return 0;
    let held = 1;
    let end = blocks.length;
    if (guess > 1 && guess <= end) {
      if (!this.has(blocks[guess - 1] as number)) end = guess - 1;
      else if (guess === end || !this.has(blocks[guess] as number)) return guess;
      else held = guess + 1;
    }
    while (held < end) {
      const middle = (held + end + 1) >>> 1;
      if (this.has(blocks[middle - 1] as number)) held = middle;
      else end = middle - 1;
    }
    return held;
  }

  /**
   * Takes in a prompt's blocks, the last one first, so that ends of prompts leave before beginnings. Of a
   * prompt that is longer than the bound the beginning is taken.
   */
  add(blocks: Int32Array): void {
    this.#add(blocks, 0);
  }

  /** Takes in the prompt of a request that is open from now on; {@link free} is to be called at its end. */
  use(blocks: Int32Array): void {
    this.#add(blocks, oneUser);
  }

  /** A request with this prompt is over. */
  free(blocks: Int32Array): void {
    let guess = 0;
    for (let at = 0; at < blocks.length; at++) {
      const entry = this.#entryAt(blocks[at] as number, guess);
      guess = this.#field(entry, older);
      if (entry === 0 || this.#users(entry) === 0) continue;
      this.#entries[entry * stride + units] = this.#field(entry, units) - oneUser;
      if (this.#users(entry) === 0) this.#usedUnits -= this.#unitsOf(entry);
    }
  }

  /** How many open requests use a block. */
  users(key: number): number {
    const entry = this.#entryOf(key);
    return entry === 0 ? 0 : this.#users(entry);
  }

  /** Takes in blocks that another router knows of, each as if it were touched now, in their order. */
  take({ keys, sizes }: BlockList): void {
    for (let at = 0; at < keys.length; at++) {
      const own = 2 ** (sizes[at] as number);
      if (own > this.#capacity) continue;
      this.#reserve(1);
      const key = keys[at] as number;
      const entry = this.#entryOf(key);
      if (entry === 0) this.#insert(key, own);
      else this.#renew(entry);
      this.#evict();
    }
  }

  /** The replica has dropped a block to make room for others. */
  remove(key: number): void {
    const entry = this.#entryOf(key);
    if (entry !== 0) this.#drop(entry);
  }

  /** The replica has nothing any more. */
  clear(): void {
    while (this.#oldest !== 0) this.#drop(this.#oldest);
    this.#evicts = false;
  }

  /** All blocks that are held. */
  list(): BlockList {
    const keys: number[] = [];
    const sizes: number[] = [];
    for (let entry = this.#oldest; entry !== 0; entry = this.#field(entry, newer)) {
      keys.push(this.#field(entry, 0));
      sizes.push(31 - Math.clz32(this.#unitsOf(entry)));
    }
    return { keys: Int32Array.from(keys), sizes: Uint8Array.from(sizes) };
  }

  #add(blocks: Int32Array, user: 0 | typeof oneUser): void {
    let count = blocks.length;
    while ((unitsBefore[count] as number) > this.#capacity) count--;
    this.#reserve(count);
    this.#fetch(blocks, count);
    let guess = 0;
    for (let at = count - 1; at >= 0; at--) {
      const key = blocks[at] as number;
      let entry = this.#entryAt(key, guess);
      guess = this.#field(entry, newer);
      if (entry === 0) entry = this.#insert(key, blockUnits(at));
      else this.#renew(entry);
      if (user === 0) continue;
      if (this.#users(entry) === 0) this.#usedUnits += this.#unitsOf(entry);
      this.#entries[entry * stride + units] = this.#field(entry, units) + user;
    }
    this.#evict();
  }

  /** Makes a block the newest. */
  #renew(entry: number): void {
    if (entry === this.#newest) return;
    this.#unlink(entry);
    this.#linkNewest(entry);
  }

  /** Takes in a new block, for which there is an entry; more may be held then than fit. */
  #insert(key: number, own: number): number {
    let entry = this.#free;
    if (entry !== 0) this.#free = this.#field(entry, older);
    else entry = this.#unused++;
    const slot = this.#find(key);
    this.#table[slot] = key;
    this.#table[slot + 1] = entry;
    this.#entries[entry * stride] = key;
    this.#entries[entry * stride + units] = own;
    this.#units += own;
    this.#linkNewest(entry);
    return entry;
  }

  /** Drops the oldest until the others fit. */
  #evict(): void {
    while (this.#units > this.#capacity) {
      let excess = this.#units - this.#capacity;
      let count = 0;
      for (let entry = this.#oldest; excess > 0 && count < maxBlocks; count++) {
        leaving[count] = this.#field(entry, 0);
        excess -= this.#unitsOf(entry);
        entry = this.#field(entry, newer);
      }
      this.#fetch(leaving, count);
      for (; count > 0; count--) this.#drop(this.#oldest);
    }
  }

  /**
   * Reads where the first keys stand, or near it: all at once, since nothing here depends on what was read. So the
   * processor waits for their memory once, and not for each when it is looked up.
   */
  #fetch(keys: Int32Array, count: number): void {
    const table = this.#table;
    const mask = table.length - 1;
    let read = 0;
    for (let at = 0; at < count; at++) {
      read ^= table[(scatter(keys[at] as number) << 1) & mask] as number;
    }
    // Into nobody's entry: what is not used would not be read.
    this.#entries[0] = read;
  }

  #drop(entry: number): void {
    this.#evicts = true;
    this.#unlink(entry);
    this.#vacate(this.#find(this.#field(entry, 0)));
    this.#units -= this.#unitsOf(entry);
    if (this.#users(entry) > 0) this.#usedUnits -= this.#unitsOf(entry);
    this.#entries[entry * stride + older] = this.#free;
    this.#free = entry;
  }

  /**
   * {@link #entryOf} with a guess: the blocks of a prompt, touched together, are neighbours in age and mostly in
   * memory too.
   */
  #entryAt(key: number, guess: number): number {
    return guess !== 0 && this.#field(guess, 0) === key ? guess : this.#entryOf(key);
  }

  /** 0: it is not held. */
  #entryOf(key: number): number {
    return this.#table[this.#find(key) + 1] as number;
  }

  #unitsOf(entry: number): number {
    return this.#field(entry, units) & unitsMask;
  }

  #users(entry: number): number {
    return this.#field(entry, units) >>> 9;
  }

  #field(entry: number, field: Field): number {
    return this.#entries[entry * stride + field] as number;
  }

  /** The table's place where a key stands, or where it would. */
  #find(key: number): number {
    const table = this.#table;
    const mask = table.length - 1;
    let at = (scatter(key) << 1) & mask;
    while (table[at + 1] !== 0 && table[at] !== key) at = (at + 2) & mask;
    return at;
  }

  /** Empties a place and moves up those behind it that its key had pushed from theirs. */
  #vacate(slot: number): void {
    const table = this.#table;
    const mask = table.length - 1;
    let hole = slot;
    for (let at = (hole + 2) & mask; table[at + 1] !== 0; at = (at + 2) & mask) {
      const home = (scatter(table[at] as number) << 1) & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      table[hole] = table[at] as number;
      table[hole + 1] = table[at + 1] as number;
      hole = at;
    }
    table[hole + 1] = 0;
  }

  #linkNewest(entry: number): void {
    this.#entries[entry * stride + newer] = 0;
    this.#entries[entry * stride + older] = this.#newest;
    if (this.#newest !== 0) this.#entries[this.#newest * stride + newer] = entry;
    else this.#oldest = entry;
    this.#newest = entry;
  }

  #unlink(entry: number): void {
    const after = this.#field(entry, newer);
    const before = this.#field(entry, older);
    if (after !== 0) this.#entries[after * stride + older] = before;
    else this.#newest = before;
    if (before !== 0) this.#entries[before * stride + newer] = after;
    else this.#oldest = after;
  }

  /** Makes room for so many new blocks, of which those beyond the bound are about to go. */
  #reserve(count: number): void {
    const most = this.#capacity + maxBlocks;
    const needed = Math.min(this.#unused + count - 1, most);
    let size = this.#entries.length / stride - 1;
    if (needed <= size) return;
    while (size < needed) size = Math.min(2 * size, most);
    this.#allocate(size);
  }

  /** Makes room for `count` blocks; the table is at most two thirds full. */
  #allocate(count: number): void {
    const entries = new Int32Array((count + 1) * stride);
    entries.set(this.#entries);
    this.#entries = entries;
    this.#table = new Int32Array(2 * 2 ** Math.ceil(Math.log2(1.5 * count + 1)));
    for (let entry = this.#newest; entry !== 0; entry = this.#field(entry, older)) {
      const key = this.#field(entry, 0);
      const slot = this.#find(key);
      this.#table[slot] = key;
      this.#table[slot + 1] = entry;
    }
  }
}

/** Keys that are about to be dropped. */
const leaving = new Int32Array(maxBlocks);

/** Units of the block at this position of a prompt. */
function blockUnits(at: number): number {
  return (unitsBefore[at + 1] as number) - (unitsBefore[at] as number);
}

/** Spreads keys whose low bits are alike. */
function scatter(key: number): number {
  return Math.imul(key ^ (key >>> 15), 0x9e3779b1) >>> 7;
}
