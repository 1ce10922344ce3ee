import fc from 'fast-check';
import { expect, test } from 'vitest';
import { unitBytes } from './blocks.ts';
import { hashes, hashRun, k1, k2, seeds, text } from './unit-hash.ts';

const turn = (value: number) => (value << 7) | (value >>> 25);
const fold = (a: number, value: number) => Math.imul(turn(a) ^ value, k2);

/** The hash as its description says, number by number. */
function plainHashes(bytes: Uint8Array, units: number, seed: number): number[] {
  const found: number[] = [];
  const blockBytes = units * unitBytes;
  let chain = seed;
  for (let start = 0; start + blockBytes <= bytes.length; start += blockBytes) {
    const words = new DataView(bytes.buffer, bytes.byteOffset + start, blockBytes);
    const lanes = seeds.map((own) => [own, own, own, own] as number[]);
    const absorb = (a: number[], row: readonly number[]) => {
      for (const [lane, word] of row.entries()) {
        const product = Math.imul(a[lane]! ^ word, k1);
        a[lane] = product ^ (product >>> 15);
      }
    };
    for (let row = 0; row < 16 * units; row++) {
      const part = [0, 4, 8, 12].map((offset) => words.getInt32(16 * row + offset, true));
      absorb(lanes[row % 4]!, part);
    }
    for (const other of [[k1, k1, k1, k1], ...lanes.slice(1)]) absorb(lanes[0]!, other);
    const [first, ...others] = lanes[0]!;
    chain = fold(chain, others.reduce(fold, first!));
    chain ^= chain >>> 16;
    found.push(chain);
  }
  return found;
}

test('hashes what its description hashes', () => {
  const bytes = fc.uint8Array({ maxLength: 9 * unitBytes });
  const three = fc.integer({ min: 1, max: 3 });
  fc.assert(
    fc.property(bytes, three, fc.nat({ max: 3 }), fc.integer(), (own, units, from, seed) => {
      text.set(own, from * unitBytes);
      const count = Math.floor(own.length / units / unitBytes);
      hashRun(count, units, seed, from, from);
      const found = [...hashes.subarray(from, from + count)];
      expect(found).toEqual(plainHashes(own, units, seed));
    }),
  );
});

test('a small change anywhere in a unit changes its hash, and so do two in a text', () => {
  const unit = Buffer.alloc(unitBytes, 'prompt ');
  const seen = new Set<number | undefined>();
  let changes = 0;
  for (const flip of [1, 32, 128]) {
    for (let at = 0; at < unitBytes; at++) {
      for (const also of [0, 4, 16, 32, 64]) {
        if (at + also >= unitBytes || (also > 0 && flip === 128)) continue;
        text.set(unit);
        text[at] = (text[at] ?? 0) ^ flip;
        if (also > 0) text[at + also] = (text[at + also] ?? 0) ^ flip;
        hashRun(1, 1, 0, 0, 0);
        seen.add(hashes[0]);
        changes++;
      }
    }
  }
  expect(seen.size).toBe(changes);
});

test('texts that differ in several places nearby have different hashes', () => {
  const seen = new Set<number | undefined>();
  const unit = Buffer.alloc(unitBytes, '0000 ');
  let count = 0;
  for (let number = 0; number < 50_000; number++) {
    unit.write(String(number).padStart(8, '0'), 40);
    unit.write(String(number % 7), 56);
    text.set(unit);
    hashRun(1, 1, 0, 0, 0);
    seen.add(hashes[0]);
    count++;
  }
  // Of so many numbers of 32 bits less than one pair should be equal by chance.
  expect(seen.size).toBeGreaterThan(count - 5);
});
