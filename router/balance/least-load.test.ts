import fc from 'fast-check';
import { expect, test } from 'vitest';
import { leastLoad } from './least-load.ts';

const replicas = (count: number) => Array.from({ length: count }, (_, id) => ({ id: `r${id}` }));

test('nobody to choose from', () => {
  expect(leastLoad([], () => 0, Math.random)).toBeUndefined();
});

test('always one with the least in flight, whatever chance says', () => {
  const loads = fc.array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(loads, fc.double({ min: 0, max: 0.999, noNaN: true }), (load, chance) => {
      const inFlight = (id: string) => load[Number(id.slice(1))] ?? 0;
      const chosen = leastLoad(replicas(load.length), inFlight, () => chance);
      expect(inFlight(chosen?.id ?? '')).toBe(Math.min(...load));
    }),
  );
});

test('equals are equally likely', () => {
  let state = 1;
  const random = () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  const counts = new Map<string, number>();
  for (let draw = 0; draw < 8_000; draw++) {
    const id = leastLoad(replicas(4), () => 1, random)?.id ?? '';
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  for (const count of counts.values()) expect(count).toBeGreaterThan(1_800);
  expect(counts.size).toBe(4);
});
