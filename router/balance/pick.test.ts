import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Candidate, pick } from './pick.ts';

const candidate = (load: Partial<Omit<Candidate, 'prefixes'>> & { isFull?: boolean } = {}) => {
  const { isFull = false, ...rest } = load;
  const idle = { seed: 1, allPendingTokens: 0, allHeldTokens: 0, busyShare: 0 };
  return { ...idle, ...rest, prefixes: { isFull } };
};

test('nobody to choose from', () => {
  expect(pick([], [], 1, 0)).toBe(-1);
});

test.each([
  ['the one that has the prompt', [{}, {}, {}], [1000, 100, 1000], 1],
  ['the one with less to do', [{ allPendingTokens: 500 }, {}], [1000, 1000], 1],
  [
    'an idle one, when waiting takes longer than computing',
    [{ allPendingTokens: 1000 }, {}],
    [100, 1000],
    1,
  ],
  [
    'the one that has it, when computing takes longer',
    [{ allPendingTokens: 800 }, {}],
    [100, 1000],
    0,
  ],
  [
    'the one that has it, when all are busy: others wait for what is computed twice',
    [{ allPendingTokens: 1000, busyShare: 0.5 }, { busyShare: 0.5 }],
    [100, 1000],
    0,
  ],
  [
    'the one that has it, when its prompt would drive others out of a full cache',
    [{ allPendingTokens: 1000 }, { isFull: true }],
    [100, 1000],
    0,
  ],
  ['the one with more room', [{ allHeldTokens: 50_000 }, { allHeldTokens: 1_000 }], [100, 100], 1],
] as const)('%s', (_, loads, uncached, expected) => {
  const candidates = loads.map((load, seed) => candidate({ seed, ...load }));
  expect(pick(candidates, uncached, 1, 0)).toBe(expected);
});

const tokens = fc.nat({ max: 100_000 });
const anyCandidate = fc
  .record({
    ...{
      seed: fc.integer(),
      allPendingTokens: tokens,
      allHeldTokens: tokens,
      isFull: fc.boolean(),
    },
    busyShare: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(candidate);
const fleet = fc.array(fc.tuple(anyCandidate, tokens), { minLength: 1, maxLength: 12 });

test('never one that another is no worse than in all and better than in one', () => {
  fc.assert(
    fc.property(fleet, fc.integer(), (all, key) => {
      const uncached = all.map(([, count]) => count);
      const chosen = pick(
        all.map(([one]) => one),
        uncached,
        key,
        0,
      );
      const [best, mine] = all[chosen] as (typeof all)[number];
      for (const [other, count] of all) {
        const isBetter =
          other.allPendingTokens < best.allPendingTokens &&
          count <= mine &&
          other.allHeldTokens <= best.allHeldTokens &&
          other.busyShare <= best.busyShare &&
          (!other.prefixes.isFull || best.prefixes.isFull);
        expect(isBetter).toBe(false);
      }
    }),
  );
});

test('of equals, routers that do not talk choose the same one, whatever order they have them in', () => {
  const seeds = fc.uniqueArray(fc.integer(), { minLength: 2, maxLength: 8 });
  fc.assert(
    fc.property(seeds, fc.integer(), (all, key) => {
      const there = all.map((seed) => candidate({ seed }));
      const here = there.toReversed();
      const none = all.map(() => 100);
      const one = there[pick(there, none, key, 0)];
      expect(here[pick(here, none, key, 0)]).toBe(one);
    }),
  );
});

test('cold prompts are spread evenly over equals', () => {
  const equals = Array.from({ length: 4 }, (_, seed) => candidate({ seed }));
  const counts = [0, 0, 0, 0];
  for (let key = 0; key < 4_000; key++) {
    const at = pick(equals, [1, 1, 1, 1], Math.imul(key, 0x9e3779b1), 0);
    counts[at] = (counts[at] ?? 0) + 1;
  }
  for (const count of counts) expect(count).toBeGreaterThan(850);
});
