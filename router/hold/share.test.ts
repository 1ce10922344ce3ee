import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type RouterDemand, shareOf } from './share.ts';

const routers = fc
  .array(fc.nat(50), { minLength: 1, maxLength: 6 })
  .map((demands) => demands.map((demand, at): RouterDemand => ({ router: `r${at}`, demand })));

const sharesOf = (places: number, all: readonly RouterDemand[]) =>
  all.map((own) => shareOf(places, own, all.filter((other) => other !== own).reverse()));

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);

test('routers that know the same fill each place once, none stays empty, each has one at least', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), routers, (places, all) => {
      const asking = all.filter(({ demand }) => demand > 0);
      const shares = sharesOf(places, asking);
      const wanted = sum(asking.map(({ demand }) => demand));
      const full = Math.max(places, asking.length);
      expect(sum(shares)).toBe(Math.min(wanted, full));
      shares.forEach((share, at) => {
        expect(share).toBeGreaterThanOrEqual(1);
        expect(share).toBeLessThanOrEqual(asking[at]!.demand);
      });
    }),
  );
});

test('alone, a router has all places', () => {
  expect(shareOf(4, { router: 'a', demand: 1000 }, [])).toBe(4);
  expect(shareOf(4, { router: 'a', demand: 1000 }, [{ router: 'b', demand: 0 }])).toBe(4);
});

test('by what each has', () => {
  const all = [
    { router: 'a', demand: 30 },
    { router: 'b', demand: 10 },
  ];
  expect(sharesOf(8, all)).toEqual([6, 2]);
});
