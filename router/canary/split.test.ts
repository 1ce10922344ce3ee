import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Replica } from '../catalog/model.ts';
import { candidatesOf } from './split.ts';

const replicas = (...revisions: string[]): Replica[] =>
  revisions.map((revision, at) => ({
    ...{ id: `${at}`, pod: `p${at}`, namespace: 'n', revision, host: 'h', port: 1 },
  }));
const both = replicas('old', 'new', 'old', 'new');
const canary = (weight: number) => ({ revision: 'new', weight });
const revisionsOf = (chosen: readonly Replica[]) => [...new Set(chosen.map((one) => one.revision))];

test('without a canary all candidates stay', () => {
  expect(candidatesOf(undefined, both, 0, false)).toBe(both);
});

test('so many of a hundred points lead to the canary as its weight says', () => {
  for (const weight of [1, 10, 50, 99]) {
    const points = Array.from({ length: 100 }, (_, at) => at / 100);
    const toCanary = points.filter(
      (point) => candidatesOf(canary(weight), both, point, false)[0]?.revision === 'new',
    );
    expect(toCanary).toHaveLength(weight);
  }
});

test('the candidates of one revision only, and none is left out', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 99 }),
      fc.float({ min: 0, max: Math.fround(0.99) }),
      (weight, point) => {
        const chosen = candidatesOf(canary(weight), both, point, false);
        expect(revisionsOf(chosen)).toHaveLength(1);
        expect(chosen).toHaveLength(2);
      },
    ),
  );
});

test('a point that leads to the canary does so at every greater weight', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 98 }),
      fc.float({ min: 0, max: Math.fround(0.99) }),
      (weight, point) => {
        if (candidatesOf(canary(weight), both, point, false)[0]?.revision !== 'new') return;
        expect(revisionsOf(candidatesOf(canary(weight + 1), both, point, false))).toEqual(['new']);
      },
    ),
  );
});

test('what failed is not tried on a canary, unless there is nothing else', () => {
  expect(revisionsOf(candidatesOf(canary(99), both, 0, true))).toEqual(['old']);
  expect(revisionsOf(candidatesOf(canary(99), replicas('new'), 0, true))).toEqual(['new']);
});

test('where a revision has no replica the other takes all', () => {
  expect(revisionsOf(candidatesOf(canary(50), replicas('old'), 0, false))).toEqual(['old']);
  expect(revisionsOf(candidatesOf(canary(50), replicas('new'), 0.9, false))).toEqual(['new']);
});
