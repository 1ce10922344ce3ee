import { expect, test } from 'vitest';
import { type AttemptResult, type Decision, decide } from './retry.ts';

const failed: AttemptResult = {
  status: undefined,
  reusedSocket: false,
  freshTried: false,
  hopeless: false,
};

test.each<[string, Partial<AttemptResult>, number, number, Decision]>([
  ['an answer is passed on', { status: 200 }, 2, 1, 'pass'],
  ['a refusal is passed on', { status: 400 }, 2, 1, 'pass'],
  ['too many requests are passed on', { status: 429 }, 2, 1, 'pass'],
  ['an engine’s own error is passed on', { status: 500 }, 2, 1, 'pass'],
  ['a loading engine is left for another', { status: 503 }, 2, 1, 'elsewhere'],
  ['a bad gateway is left for another', { status: 502 }, 2, 1, 'elsewhere'],
  ['a gateway timeout is left for another', { status: 504 }, 2, 1, 'elsewhere'],
  ['with nobody else its answer is passed on', { status: 503 }, 2, 0, 'pass'],
  ['without retries its answer is passed on', { status: 503 }, 0, 1, 'pass'],
  ['a broken connection is left for another', {}, 2, 1, 'elsewhere'],
  ['with nobody else it is given up', {}, 2, 0, 'give_up'],
  ['without retries it is given up', {}, 0, 1, 'give_up'],
  ['a reused connection is tried afresh', { reusedSocket: true }, 2, 1, 'fresh'],
  ['also without retries or others', { reusedSocket: true }, 0, 0, 'fresh'],
  ['but once', { reusedSocket: true, freshTried: true }, 2, 1, 'elsewhere'],
  ['what fails everywhere is given up', { reusedSocket: true, hopeless: true }, 2, 1, 'give_up'],
])('%s', (_name, result, retriesLeft, othersLeft, decision) => {
  expect(decide({ ...failed, ...result }, retriesLeft, othersLeft)).toBe(decision);
});
