import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BlockLru } from './block-lru.ts';
import { maxBlocks, unitsBefore } from './blocks.ts';

/** What it should do, the slow way. */
class Plain {
  readonly capacity: number;
  /** The newest last. */
  blocks: { key: number; units: number }[] = [];

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get units(): number {
    return this.blocks.reduce((sum, { units }) => sum + units, 0);
  }

  add(keys: readonly number[]): void {
    const all = keys.map((key, at) => ({ key, units: unitsBefore[at + 1]! - unitsBefore[at]! }));
    while (all.reduce((sum, { units }) => sum + units, 0) > this.capacity) all.pop();
    for (const block of all.reverse()) {
      const known = this.blocks.find(({ key }) => key === block.key);
      this.blocks = this.blocks.filter((other) => other !== known);
      this.blocks.push(known ?? block);
      while (this.units > this.capacity) this.blocks.shift();
    }
  }
}

const prompts = fc.array(fc.array(fc.integer({ min: -60, max: 60 }), { maxLength: 40 }), {
  maxLength: 40,
});

test('holds what a plain list would hold, in its order, and never more than its bound', () => {
  const bound = fc.integer({ min: 1, max: 80 });
  fc.assert(
    fc.property(prompts, bound, fc.integer({ min: -60, max: 60 }), (added, capacity, gone) => {
      const lru = new BlockLru(capacity);
      const plain = new Plain(capacity);
      for (const blocks of added) {
        lru.add(Int32Array.from(blocks));
        plain.add(blocks);
        lru.remove(gone);
        plain.blocks = plain.blocks.filter(({ key }) => key !== gone);
        const keys = plain.blocks.map(({ key }) => key);
        expect([...lru.list().keys]).toEqual(keys);
        expect(lru.units).toBe(plain.units);
        expect(lru.units).toBeLessThanOrEqual(capacity);
        for (let key = -60; key <= 60; key++) expect(lru.has(key)).toBe(keys.includes(key));
      }
    }),
  );
});

/** The chained hashes of a text of small numbers: equal hashes, equal beginnings. */
function chain(text: readonly number[]): Int32Array {
  let hash = 1;
  return Int32Array.from(text, (part) => {
    hash = (hash * 31 + part + 1) | 0;
    return hash;
  });
}

test('finds as many leading blocks as it holds, also after some went', () => {
  const texts = fc.array(fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 10 }), {
    minLength: 1,
    maxLength: 30,
  });
  fc.assert(
    fc.property(texts, fc.integer({ min: 1, max: 25 }), (all, capacity) => {
      const lru = new BlockLru(capacity);
      for (const text of all) lru.add(chain(text));
      for (const text of all) {
        const blocks = chain(text);
        const held = blocks.findIndex((block) => !lru.has(block));
        const expected = held < 0 ? blocks.length : held;
        for (let guess = 0; guess < 12; guess++) {
          expect(lru.matchLength(blocks, guess)).toBe(expected);
        }
      }
    }),
  );
});

test('of a prompt that is longer than the bound the beginning stays', () => {
  const lru = new BlockLru(3);
  lru.add(Int32Array.of(1, 2, 3, 4, 5));
  expect([...lru.list().keys]).toEqual([3, 2, 1]);
});

test('with a lower bound the oldest go, with a higher one more fit', () => {
  const lru = new BlockLru(3);
  lru.add(Int32Array.of(1, 2, 3));
  lru.limit(2);
  expect([...lru.list().keys]).toEqual([2, 1]);
  lru.limit(4);
  lru.add(Int32Array.of(7, 8));
  expect([...lru.list().keys]).toEqual([2, 1, 8, 7]);
});

test('is full when it had to forget', () => {
  const lru = new BlockLru(3);
  lru.add(Int32Array.of(1, 2, 3));
  expect(lru.isFull).toBe(false);
  lru.add(Int32Array.of(4));
  expect(lru.isFull).toBe(true);
});

test('grows to a large bound at less than 50 bytes a block', () => {
  const lru = new BlockLru(16_384);
  let key = 0;
  for (let prompt = 0; prompt < 1_025; prompt++) {
    lru.add(Int32Array.from({ length: 16 }, () => Math.imul(++key, 0x9e3779b1)));
  }
  expect(lru.units).toBe(16_384);
  expect(lru.sizeBytes / 16_384).toBeLessThan(50);
  const long = Int32Array.from({ length: maxBlocks }, () => Math.imul(++key, 0x9e3779b1));
  lru.add(long);
  expect(lru.matchLength(long)).toBe(maxBlocks);
});

/** Prompts as chained hashes are: equal blocks stand in equal places. */
const chained = fc
  .array(fc.nat({ max: 1 }), { maxLength: 24 })
  .map((parts) =>
    Int32Array.from(parts, (_, at) => parts.slice(0, at + 1).reduce((a, b) => 2 * a + b, 1)),
  );

test('counts each block of open prompts once, and nothing when the last is over', () => {
  const steps = fc.array(fc.record({ taken: chained, freed: fc.nat() }), { maxLength: 30 });
  fc.assert(
    fc.property(steps, (all) => {
      const used = new BlockLru(2_000);
      const open: Int32Array[] = [];
      for (const { taken, freed } of all) {
        used.use(taken);
        open.push(taken);
        if (freed % 2 === 0) used.free(...(open.splice(freed % open.length, 1) as [Int32Array]));
        const units = new Map<number, number>();
        for (const blocks of open) {
          for (const [at, key] of blocks.entries()) {
            units.set(key, unitsBefore[at + 1]! - unitsBefore[at]!);
          }
        }
        expect(used.usedUnits).toBe([...units.values()].reduce((sum, each) => sum + each, 0));
        for (const key of units.keys()) {
          expect(used.users(key)).toBe(open.filter((blocks) => blocks.includes(key)).length);
        }
      }
      for (const blocks of open) used.free(blocks);
      expect(used.usedUnits).toBe(0);
    }),
  );
});

test('what has left is not in use, and never less than nothing is', () => {
  const lru = new BlockLru(3);
  lru.use(Int32Array.of(1, 2));
  lru.use(Int32Array.of(3, 4));
  expect(lru.usedUnits).toBe(3);
  expect(lru.users(3)).toBe(1);
  lru.free(Int32Array.of(1, 2));
  lru.free(Int32Array.of(3, 4));
  expect(lru.usedUnits).toBe(0);
});
