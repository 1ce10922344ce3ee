import fc from 'fast-check';
import { expect, test } from 'vitest';
import { unitsBefore } from './blocks.ts';
import { BlocksInUse } from './blocks-in-use.ts';

/** Prompts as chained hashes are: equal blocks stand in equal places. */
const prompt = fc
  .array(fc.nat({ max: 1 }), { maxLength: 24 })
  .map((parts) =>
    Int32Array.from(parts, (_, at) => parts.slice(0, at + 1).reduce((a, b) => 2 * a + b, 1)),
  );

test('counts each block of open prompts once, and nothing when the last is over', () => {
  const steps = fc.array(fc.record({ taken: prompt, freed: fc.nat() }), { maxLength: 30 });
  fc.assert(
    fc.property(steps, (all) => {
      const used = new BlocksInUse();
      const open: Int32Array[] = [];
      for (const { taken, freed } of all) {
        used.take(taken);
        open.push(taken);
        if (freed % 2 === 0) used.free(...(open.splice(freed % open.length, 1) as [Int32Array]));
        const units = new Map<number, number>();
        for (const blocks of open) {
          for (const [at, key] of blocks.entries()) {
            units.set(key, unitsBefore[at + 1]! - unitsBefore[at]!);
          }
        }
        expect(used.units).toBe([...units.values()].reduce((sum, each) => sum + each, 0));
        for (const key of units.keys()) {
          expect(used.users(key)).toBe(open.filter((blocks) => blocks.includes(key)).length);
        }
      }
      for (const blocks of open) used.free(blocks);
      expect(used.units).toBe(0);
    }),
  );
});
