import fc from 'fast-check';
import { expect, test } from 'vitest';
import { blockBytes, hashBlocks, hashText, mix } from './hash.ts';

const whole = (text: string) => [{ start: 0, end: Buffer.byteLength(text) }];
const hash = (text: string, seed = 0) => [...hashBlocks(Buffer.from(text), whole(text), seed)];

test('prompts share as many hashes as whole blocks of their beginnings are equal', () => {
  const part = fc.string({ maxLength: 1_500 });
  fc.assert(
    fc.property(part, part, part, (shared, one, other) => {
      const [a, b] = [Buffer.from(`${shared}1${one}`), Buffer.from(`${shared}2${other}`)];
      const common = Math.floor(Buffer.byteLength(shared) / blockBytes);
      const hashesA = hashBlocks(a, [{ start: 0, end: a.length }], 0);
      const hashesB = hashBlocks(b, [{ start: 0, end: b.length }], 0);
      expect(hashesA.length).toBe(Math.floor(a.length / blockBytes));
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
  expect(hashBlocks(body, [{ start: 5, end: body.length }], 0)).toHaveLength(4096);
});

test('a small change anywhere in a block changes its hash', () => {
  const block = Buffer.alloc(blockBytes, 'prompt ');
  const seen = new Set<number | undefined>();
  for (let at = 0; at < blockBytes; at++) {
    for (const flip of [1, 32, 128]) {
      const changed = Buffer.from(block);
      changed[at] = (changed[at] ?? 0) ^ flip;
      seen.add(hashBlocks(changed, [{ start: 0, end: blockBytes }], 0)[0]);
    }
  }
  expect(seen.size).toBe(3 * blockBytes);
});

test('mixed numbers fill all their bits', () => {
  const high = new Set(Array.from({ length: 1_000 }, (_, at) => mix(at, 7) >>> 24));
  expect(high.size).toBeGreaterThan(230);
});
