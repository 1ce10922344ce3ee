import fc from 'fast-check';
import { expect, test } from 'vitest';
import { blocksWithin, maxBlocks, maxUnits, unitBytes, unitsBefore } from './blocks.ts';
import { hashBlocks, hashText, mix } from './hash.ts';

test('blocks are whole units, and longer the more stands before them', () => {
  expect(unitsBefore[maxBlocks]).toBe(maxUnits);
  for (let units = 1; units <= maxUnits; units++) {
    const blocks = blocksWithin(units);
    const rest = units - (unitsBefore[blocks] as number);
    expect(rest).toBeGreaterThanOrEqual(0);
    expect(rest).toBeLessThan(Math.max(1, units / 16));
    if (blocks < maxBlocks) expect(unitsBefore[blocks + 1]).toBeGreaterThan(units);
  }
});

const whole = (text: string) => [{ start: 0, end: Buffer.byteLength(text) }];
const hash = (text: string, seed = 0) => [...hashBlocks(Buffer.from(text), whole(text), seed)];

test('prompts share as many hashes as whole blocks of their beginnings are equal', () => {
  const part = fc.string({ maxLength: 9_000 });
  fc.assert(
    fc.property(part, part, part, (shared, one, other) => {
      const [a, b] = [Buffer.from(`${shared}1${one}`), Buffer.from(`${shared}2${other}`)];
      const common = blocksWithin(Math.floor(Buffer.byteLength(shared) / unitBytes));
      const hashesA = hashBlocks(a, [{ start: 0, end: a.length }], 0);
      const hashesB = hashBlocks(b, [{ start: 0, end: b.length }], 0);
      expect(hashesA.length).toBe(blocksWithin(Math.floor(a.length / unitBytes)));
      expect(hashesA.subarray(0, common)).toEqual(hashesB.subarray(0, common));
      for (let at = common; at < Math.min(hashesA.length, hashesB.length); at++) {
        expect(hashesA[at]).not.toBe(hashesB[at]);
      }
    }),
  );
});

test('parts count in the order given, wherever they stand and however they are aligned', () => {
  const [tools, messages] = ['t'.repeat(300), 'm'.repeat(700)];
  const body = Buffer.from(`xyz${messages}--${tools}`);
  const spans = [
    { start: 3 + 700 + 2, end: 3 + 700 + 2 + 300 },
    { start: 3, end: 3 + 700 },
  ];
  expect([...hashBlocks(body, spans, 0)]).toEqual(hash(tools + messages));
});

test('adapters do not share', () => {
  const text = 'a'.repeat(1_000);
  const [plain, adapted] = [hash(text, hashText('')), hash(text, hashText('sql'))];
  expect(plain.filter((block) => adapted.includes(block))).toEqual([]);
});

test('of very long prompts the first MiB is compared', () => {
  const body = Buffer.alloc(3 << 20, 'abcdefg');
  expect(hashBlocks(body, [{ start: 5, end: body.length }], 0)).toHaveLength(maxBlocks);
});

test('mixed numbers fill all their bits', () => {
  const high = new Set(Array.from({ length: 1_000 }, (_, at) => mix(at, 7) >>> 24));
  expect(high.size).toBeGreaterThan(230);
});
