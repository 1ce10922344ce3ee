import { beforeEach, expect, test } from 'vitest';
import type { Model, Replica } from '../catalog/model.ts';
import { Ejections } from './ejections.ts';
import type { Verdict } from './rule.ts';

let nowMs: number;
let told: string[];
let ejections: Ejections;
beforeEach(() => {
  nowMs = 0;
  told = [];
  ejections = new Ejections(
    () => nowMs,
    (model, { id }, reason, outMs) => told.push(`${model.servedName} ${id} ${reason} ${outMs}`),
  );
});

const modelOf = (...ids: string[]) =>
  ({ servedName: 'm', replicas: ids.map((id) => ({ id })) }) as unknown as Model;
const admitted = ({ replicas }: Model) => ejections.admit(replicas).map(({ id }) => id);
const replica = (id: string) => ({ id }) as Replica;

function attempt(model: Model, id: string, verdict: Verdict, times = 1): void {
  for (let count = 0; count < times; count++) {
    const watched = ejections.begin(model, replica(id));
    watched.verdict(verdict);
    watched.end();
  }
}

test('a replica that fails three times in a row is out for a second, then on trial', () => {
  const model = modelOf('a', 'b');
  attempt(model, 'a', 'failed', 3);
  expect(told).toEqual(['m a consecutive_failures 1000']);
  nowMs = 999;
  expect(admitted(model)).toEqual(['b']);
  nowMs = 1000;
  expect(admitted(model)).toEqual(['a', 'b']);
  const trial = ejections.begin(model, replica('a'));
  expect(admitted(model)).toEqual(['b']);
  trial.verdict('ok');
  expect(admitted(model)).toEqual(['a', 'b']);
  attempt(model, 'a', 'failed');
  expect(admitted(model)).toEqual(['a', 'b']);
});

test('a trial that fails puts it out for twice as long', () => {
  const model = modelOf('a', 'b');
  attempt(model, 'a', 'failed', 3);
  nowMs = 1000;
  attempt(model, 'a', 'failed');
  expect(told.at(-1)).toBe('m a trial_failed 2000');
  nowMs = 2999;
  expect(admitted(model)).toEqual(['b']);
  nowMs = 3000;
  expect(admitted(model)).toEqual(['a', 'b']);
});

test('a trial whose client goes tells nothing and frees the place for another', () => {
  const model = modelOf('a', 'b');
  attempt(model, 'a', 'failed', 3);
  nowMs = 1000;
  const trial = ejections.begin(model, replica('a'));
  trial.end();
  expect(admitted(model)).toEqual(['a', 'b']);
});

test('failures of requests that were sent before an ejection do not make it longer', () => {
  const model = modelOf('a', 'b');
  const open = Array.from({ length: 10 }, () => ejections.begin(model, replica('a')));
  for (const watched of open) watched.verdict('failed');
  expect(told).toEqual(['m a consecutive_failures 1000']);
});

test('the last replica is never out, and at most half of them are', () => {
  const alone = modelOf('a');
  attempt(alone, 'a', 'failed', 20);
  expect(admitted(alone)).toEqual(['a']);
  const three = modelOf('x', 'y', 'z');
  for (const id of ['x', 'y', 'z']) attempt(three, id, 'failed', 5);
  expect(admitted(three)).toEqual(['y', 'z']);
  expect(told).toEqual(['m x consecutive_failures 1000']);
});

test('of those that remain after others have gone at most half are out', () => {
  const four = modelOf('a', 'b', 'c', 'd');
  attempt(four, 'a', 'failed', 3);
  nowMs = 10;
  attempt(four, 'b', 'failed', 3);
  expect(admitted(four)).toEqual(['c', 'd']);
  expect(admitted(modelOf('a', 'b', 'c'))).toEqual(['a', 'c']);
  expect(admitted(modelOf('a', 'b'))).toEqual(['a']);
  expect(admitted(modelOf('b'))).toEqual(['b']);
});

test('pods that have gone leave nothing behind', () => {
  const model = modelOf('a', 'b');
  attempt(model, 'a', 'failed', 3);
  ejections.retain([replica('b')]);
  expect(admitted(model)).toEqual(['a', 'b']);
  attempt(modelOf('b'), 'a', 'failed', 9);
  expect(admitted(model)).toEqual(['a', 'b']);
});
