import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RetryBudget } from './retry-budget.ts';

test('an outage of any length and load makes a fifth more requests, and ten a second', () => {
  const load = fc.record({ requests: fc.integer({ min: 0, max: 5000 }), ms: fc.nat(20_000) });
  fc.assert(
    fc.property(fc.array(load), (bursts) => {
      let nowMs = 0;
      const budget = new RetryBudget(nowMs);
      let requests = 0;
      let retries = 0;
      for (const burst of bursts) {
        for (let count = 0; count < burst.requests; count++) {
          requests++;
          budget.earn();
          while (budget.take(nowMs)) retries++;
        }
        nowMs += burst.ms;
        expect(retries).toBeLessThanOrEqual(10 + 0.2 * requests + nowMs / 100 + 1e-6);
      }
    }),
  );
});

test('where there are few requests each may be retried', () => {
  const budget = new RetryBudget(0);
  for (let nowMs = 0; nowMs < 60_000; nowMs += 250) {
    budget.earn();
    expect([budget.take(nowMs), budget.take(nowMs)]).toEqual([true, true]);
  }
});
