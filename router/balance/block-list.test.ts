import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeBlocks, encodeBlocks, listOf } from './block-list.ts';
import { BlockLru } from './block-lru.ts';

const prompt = fc.array(fc.integer(), { maxLength: 60 }).map((keys) => Int32Array.from(keys));
const prompts = fc.array(prompt, { maxLength: 20 });

test('whoever is told of each prompt knows what the one who saw them knows', () => {
  fc.assert(
    fc.property(prompts, fc.integer({ min: 1, max: 300 }), (all, capacity) => {
      const [here, there] = [new BlockLru(capacity), new BlockLru(capacity)];
      for (const blocks of all) {
        here.add(blocks);
        there.take(decodeBlocks(encodeBlocks(listOf(blocks)))!);
      }
      // A prompt that is longer than all memory is cut by the one who saw it.
      if (all.every((blocks) => blocks.length < capacity / 4)) {
        expect([...there.list().keys]).toEqual([...here.list().keys]);
        expect(there.units).toBe(here.units);
      }
      expect(there.units).toBeLessThanOrEqual(capacity);
    }),
  );
});

test('whoever is told of all blocks knows the same, in the same order', () => {
  fc.assert(
    fc.property(prompts, fc.integer({ min: 1, max: 300 }), (all, capacity) => {
      const [here, there] = [new BlockLru(capacity), new BlockLru(capacity)];
      for (const blocks of all) here.add(blocks);
      const list = decodeBlocks(encodeBlocks(here.list()))!;
      there.take(list);
      expect(there.list()).toEqual(here.list());
      expect(there.units).toBe(here.units);
    }),
  );
});

test.each(['AAAA', 'AAAAAP8='])('what is no list of blocks is dropped: %s', (text) => {
  expect(decodeBlocks(text)).toBeUndefined();
});
