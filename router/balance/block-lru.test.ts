import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BlockLru } from './block-lru.ts';

/** What it should do, the slow way. */
class Plain {
  readonly capacity: number;
  /** The newest last. */
  keys: number[] = [];

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  add(blocks: readonly number[]): void {
    for (const key of blocks.slice(0, this.capacity).reverse()) {
      this.keys = [...this.keys.filter((other) => other !== key), key].slice(-this.capacity);
    }
  }
}

const prompts = fc.array(fc.array(fc.integer({ min: -20, max: 20 }), { maxLength: 12 }), {
  maxLength: 40,
});

test('holds what a plain list would hold, in its order, and never more than its bound', () => {
  fc.assert(
    fc.property(prompts, fc.integer({ min: 1, max: 30 }), (added, capacity) => {
      const lru = new BlockLru(capacity);
      const plain = new Plain(capacity);
      for (const blocks of added) {
        lru.add(Int32Array.from(blocks));
        plain.add(blocks);
        expect([...lru.keys()]).toEqual([...plain.keys].reverse());
        expect(lru.size).toBe(plain.keys.length);
        expect(lru.isFull).toBe(plain.keys.length === capacity);
        for (let key = -20; key <= 20; key++) expect(lru.has(key)).toBe(plain.keys.includes(key));
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
  expect([...lru.keys()]).toEqual([1, 2, 3]);
});

test('grows to a large bound at less than 40 bytes a block', () => {
  const blocks = Int32Array.from({ length: 20_000 }, (_, at) => Math.imul(at, 0x9e3779b1));
  const lru = new BlockLru(16_384);
  lru.add(blocks);
  expect(lru.size).toBe(16_384);
  expect(lru.matchLength(blocks)).toBe(16_384);
  expect(lru.sizeBytes / lru.size).toBeLessThan(40);
});
