import fc from 'fast-check';
import { expect, test } from 'vitest';
import { converge, failed, type Served, type State } from './converge.ts';

const names = ['a', 'b', 'c'];
const paths = ['/1', '/2', '/3'];
const served = fc.uniqueArray(
  fc.record({ name: fc.constantFrom(...names), path: fc.constantFrom(...paths) }),
  { selector: ({ name }) => name },
);
const state: fc.Arbitrary<State> = fc.record({
  wanted: served,
  served: fc.option(served, { nil: undefined }),
  folders: fc.subarray(paths).map((some) => new Set(some)),
  loading: fc.subarray(paths).map((some) => new Set(some)),
  failures: fc
    .subarray(paths)
    .map((some) => new Map(some.map((path) => [path, { message: 'no', times: 1, againAtMs: 5 }]))),
  nowMs: fc.integer({ min: 0, max: 10 }),
});

test('in a few steps the engine serves what is wanted and nothing else, and then nothing is done', () => {
  fc.assert(
    fc.property(state, (begin) => {
      let now: State = { ...begin, served: begin.served ?? [], loading: new Set(), nowMs: 100 };
      for (let round = 0; round < 3; round++) {
        const { fetches, loads, unloads } = converge(now);
        const gone = new Set([...unloads, ...loads.map(({ name }) => name)]);
        const left = (now.served ?? []).filter(({ name }) => !gone.has(name));
        now = {
          ...now,
          served: [...left, ...loads],
          folders: new Set([...now.folders, ...fetches.map(({ path }) => path)]),
          failures: new Map(),
        };
      }
      const sorted = (of: readonly Served[]) =>
        of.map(({ name, path }) => `${name} ${path}`).sort();
      expect(sorted(now.served ?? [])).toEqual(sorted(now.wanted));
      const { fetches, loads, unloads, reports } = converge(now);
      expect([fetches, loads, unloads]).toEqual([[], [], []]);
      expect(reports.every(({ state: is }) => is === 'loaded')).toBe(true);
    }),
  );
});

test('every wanted adapter is reported once, and is loaded only where the engine serves it', () => {
  fc.assert(
    fc.property(state, (now) => {
      const { reports } = converge(now);
      expect(reports.map(({ name }) => name)).toEqual(now.wanted.map(({ name }) => name));
      for (const [index, { state: is }] of reports.entries()) {
        const { name, path } = now.wanted[index]!;
        const isServed = now.served?.some((one) => one.name === name && one.path === path);
        expect(is === 'loaded').toBe(isServed === true);
      }
    }),
  );
});

test('nothing that is on its way or waits for its next try is begun again', () => {
  fc.assert(
    fc.property(state, (now) => {
      const { fetches, loads } = converge(now);
      for (const { path } of [...fetches, ...loads]) {
        expect(now.loading.has(path)).toBe(false);
        expect(now.failures.get(path)?.againAtMs ?? 0).toBeLessThanOrEqual(now.nowMs);
      }
    }),
  );
});

test('the pauses grow from 5 s to 5 min', () => {
  let failure = failed(undefined, 'no', 0);
  const pauses = [failure.againAtMs];
  for (let times = 0; times < 7; times++) {
    failure = failed(failure, 'no', 0);
    pauses.push(failure.againAtMs);
  }
  expect(pauses.map((ms) => ms / 1000)).toEqual([5, 10, 20, 40, 80, 160, 300, 300]);
});
