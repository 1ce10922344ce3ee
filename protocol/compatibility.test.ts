import { expect, test } from 'vitest';
import { z } from 'zod';
import {
  DemandReader,
  type DemandState,
  encodeDemand,
  fullMessage,
  type ModelDemand,
  modelKey,
  noAnswers,
} from './demand.ts';

/** What the first release of version 1 reads and writes. It is history: never to be changed. */
const first = z.object({
  full: z.boolean(),
  models: z.array(z.object({ namespace: z.string(), name: z.string(), inFlight: z.int().min(0) })),
  pods: z.array(z.object({ uid: z.string(), inFlight: z.int().min(0), draining: z.boolean() })),
});

const model: ModelDemand = {
  ...{ namespace: 'a', name: 'x' },
  ...{ inFlight: 1, held: 7, pendingTokens: 90, arrivals: 8 },
};
const state: DemandState = {
  models: new Map([[modelKey(model), model]]),
  pods: new Map([['1', { uid: '1', inFlight: 1, draining: true, pendingTokens: 90 }]]),
  tenants: new Map([['t', { name: 't', inFlight: 1, requests: 2, tokens: 3 }]]),
  revisions: new Map([
    ['a/x/r', { ...noAnswers, namespace: 'a', name: 'x', revision: 'r', requests: 3 }],
  ]),
};

test('the first reader reads what is written now', () => {
  const line = encodeDemand({ ...fullMessage('r', state), region: 'north' } as never);
  expect(first.parse(JSON.parse(line))).toEqual({
    full: true,
    models: [{ namespace: 'a', name: 'x', inFlight: 1 }],
    pods: [{ uid: '1', inFlight: 1, draining: true }],
  });
});

test('what the first writer wrote is read now, with nothing for what it did not say', () => {
  const reader = new DemandReader();
  const line: z.input<typeof first> = {
    full: true,
    models: [{ namespace: 'a', name: 'x', inFlight: 1 }],
    pods: [{ uid: '1', inFlight: 0, draining: true }],
  };
  reader.push(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
  expect(reader.models.get('a/x')).toEqual({ ...model, held: 0, pendingTokens: 0, arrivals: 0 });
  expect([...reader.pods.values()]).toEqual([
    { uid: '1', inFlight: 0, draining: true, pendingTokens: 0 },
  ]);
  expect(reader.tenants.size).toBe(0);
  expect(reader.revisions.size).toBe(0);
  expect(reader.router).toBeUndefined();
});

test('a reader drops what it does not know', () => {
  const reader = new DemandReader();
  const newer = { ...fullMessage('r', state), region: 'north' };
  const pods = [{ uid: '2', inFlight: 1, draining: false, pendingTokens: 0, celsius: 60 }];
  const line = JSON.stringify({ ...newer, pods });
  reader.push(new TextEncoder().encode(`${line}\n`));
  expect([...reader.pods.values()]).toEqual([
    { uid: '2', inFlight: 1, draining: false, pendingTokens: 0 },
  ]);
});
