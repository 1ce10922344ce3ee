import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Candidate, pick } from './pick.ts';

const candidate = (load: Partial<Omit<Candidate, 'prefixes'>> & { isFull?: boolean } = {}) => {
  const { isFull = false, ...rest } = load;
  const idle = {
    seed: 1,
    allInFlight: 0,
    waitTokens: 0,
    allOpenTokens: 0,
    usedShare: 0,
    busyShare: 0,
  };
  return { ...idle, ...rest, prefixes: { isFull } };
};

const keys = Array.from({ length: 20 }, (_, at) => at * 7919);
const asked = { tokens: 10_000, answerTokens: 100, sharers: 0, key: 1, concurrency: 256 };

test('nobody to choose from', () => {
  expect(pick([], [], asked)).toBe(-1);
});

test.each([
  ['the one that has the prompt', [{}, {}, {}], [1000, 100, 1000], 1],
  ['the one with less to do', [{ waitTokens: 500 }, {}], [1000, 1000], 1],
  [
    'an idle one, when waiting takes longer than computing',
    [{ waitTokens: 1000 }, {}],
    [100, 1000],
    1,
  ],
  ['the one that has it, when computing takes longer', [{ waitTokens: 800 }, {}], [100, 1000], 0],
  [
    'the one that has it, when all are busy: others wait for what is computed twice',
    [{ waitTokens: 1000, busyShare: 0.5 }, { busyShare: 0.5 }],
    [100, 1000],
    0,
  ],
  [
    'the one that has it, when its prompt would drive others out of a full cache',
    [{ waitTokens: 1000 }, { isFull: true }],
    [100, 1000],
    0,
  ],
  ['the one whose memory is less used', [{ usedShare: 0.9 }, { usedShare: 0.5 }], [100, 100], 1],
  [
    'one that has it not, when requests wait for memory where it is',
    [{ usedShare: 1 }, { usedShare: 0.5 }],
    [100, 800],
    1,
  ],
  [
    'the one with fewer tokens open',
    [{ allOpenTokens: 50_000 }, { allOpenTokens: 1_000 }],
    [100, 100],
    1,
  ],
] as const)('%s', (_, loads, uncached, expected) => {
  const candidates = loads.map((load, seed) => candidate({ seed, ...load }));
  expect(pick(candidates, uncached, asked)).toBe(expected);
});

test('where costs are about equal, places that are free decide as far as there are few', () => {
  const candidates = [candidate({ allInFlight: 1, seed: 1 }), candidate({ seed: 2 })];
  const few = keys.map((key) => pick(candidates, [10, 10], { ...asked, key, concurrency: 4 }));
  expect(new Set(few)).toEqual(new Set([1]));
  const many = keys.map((key) => pick(candidates, [10, 10], { ...asked, key }));
  expect(new Set(many)).toEqual(new Set([0, 1]));
});

test('where costs are about equal, one with nothing to compute goes first', () => {
  const loads = [{ waitTokens: 40 }, { allOpenTokens: 20_000, allInFlight: 9 }, { waitTokens: 30 }];
  const candidates = loads.map((load, seed) => candidate({ seed, ...load }));
  const chosen = keys.map((key) => pick(candidates, [10, 10, 10], { ...asked, key }));
  expect(new Set(chosen)).toEqual(new Set([1]));
});

test('a prompt that many share is spread sooner than one that few share', () => {
  const candidates = [candidate({ allOpenTokens: 100_000 }), candidate()];
  expect(pick(candidates, [100, 6_000], { ...asked, sharers: 2 })).toBe(0);
  expect(pick(candidates, [100, 6_000], { ...asked, sharers: 40 })).toBe(1);
});

const tokens = fc.nat({ max: 100_000 });
const anyCandidate = fc
  .record({
    ...{
      seed: fc.integer(),
      waitTokens: tokens,
      allOpenTokens: tokens,
      isFull: fc.boolean(),
    },
    usedShare: fc.double({ min: 0, max: 1, noNaN: true }),
    busyShare: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(candidate);
const fleet = fc.array(fc.tuple(anyCandidate, tokens), { minLength: 1, maxLength: 12 });

test('never one that another is no worse than in all and has less to do than', () => {
  fc.assert(
    fc.property(fleet, fc.integer(), (all, key) => {
      const uncached = all.map(([, count]) => count);
      const chosen = pick(
        all.map(([one]) => one),
        uncached,
        { ...asked, key },
      );
      const [best, mine] = all[chosen] as (typeof all)[number];
      for (const [other, count] of all) {
        const isBetter =
          other.waitTokens + 64 < best.waitTokens &&
          count <= mine &&
          other.allOpenTokens <= best.allOpenTokens &&
          other.usedShare <= best.usedShare &&
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
      const one = there[pick(there, none, { ...asked, key })];
      expect(here[pick(here, none, { ...asked, key })]).toBe(one);
    }),
  );
});

test('where all have a prompt, many that share it do not count', () => {
  const candidates = [candidate({ allOpenTokens: 20_000 }), candidate({ waitTokens: 200 })];
  expect(pick(candidates, [100, 100], { ...asked, sharers: 50 })).toBe(0);
});

test('cold prompts are spread evenly over equals', () => {
  const equals = Array.from({ length: 4 }, (_, seed) => candidate({ seed }));
  const counts = [0, 0, 0, 0];
  for (let key = 0; key < 4_000; key++) {
    const at = pick(equals, [1, 1, 1, 1], { ...asked, key: Math.imul(key, 0x9e3779b1) });
    counts[at] = (counts[at] ?? 0) + 1;
  }
  for (const count of counts) expect(count).toBeGreaterThan(850);
});
