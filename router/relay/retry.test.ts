import { expect, test } from 'vitest';
import { failureOf, timeouts } from './failure.ts';
import { type Decision, decide, isRetriedStatus, verdictOf } from './retry.ts';

const broken = failureOf(Object.assign(new Error(), { code: 'ECONNRESET' }));
const ours = failureOf(Object.assign(new Error(), { code: 'UND_ERR_INVALID_ARG' }));

test.each<[string, typeof broken, { race?: boolean; fresh?: boolean; late?: boolean }, Decision]>([
  ['a broken connection is left for another', broken, {}, 'elsewhere'],
  ['a reused connection is tried afresh', broken, { race: true }, 'fresh'],
  ['but once', broken, { race: true, fresh: true }, 'elsewhere'],
  ['no connection in time', timeouts.connect, {}, 'elsewhere'],
  ['also where an idle one was closed', timeouts.connect, { race: true }, 'elsewhere'],
  ['no first byte in time', timeouts.firstByte, {}, 'elsewhere'],
  ['nor at another replica', timeouts.firstByte, { late: true }, 'give_up'],
  ['the request’s own time is over', timeouts.total, {}, 'give_up'],
  ['what fails everywhere is given up', ours, { race: true }, 'give_up'],
])('%s', (_name, failure, { race = false, fresh = false, late = false }, decision) => {
  expect(decide(failure, race, fresh, late)).toBe(decision);
});

test.each([
  [200, false, 'ok'],
  [400, false, 'ok'],
  [404, false, 'ok'],
  [429, false, 'ok'],
  [500, false, 'error'],
  [501, false, 'error'],
  [502, true, 'failed'],
  [503, true, 'failed'],
  [504, true, 'failed'],
])('%i: retried %s, the replica is %s', (status, retried, verdict) => {
  expect([isRetriedStatus(status), verdictOf(status)]).toEqual([retried, verdict]);
});
