import { expect, test } from 'vitest';
import type { Model } from '../catalog/model.ts';
import { waitedTooLong } from './refusals.ts';

const model = (desired: number, autoscaled: boolean, notReadyMessage?: string) =>
  ({
    servedName: 'm',
    counts: { desired, ready: 0, starting: 0, terminating: 0 },
    hold: { timeoutMs: 90_000, maxRequests: 1, autoscaled },
    notReadyMessage,
  }) as unknown as Model;

test('at zero by hand, the error of the deadline says what to do', () => {
  const { message } = waitedTooLong(model(0, false));
  expect(message).toContain('spec.replicas');
  expect(message).toContain('spec.autoscaling');
  expect(message).toContain('90 s');
});

test.each([
  ['scaled by Fairlead', model(0, true, 'Insufficient example.com/gpu')],
  ['starting', model(1, false, 'Insufficient example.com/gpu')],
])('%s, it gives the operator’s reason', (_name, waiting) => {
  expect(waitedTooLong(waiting).message).toContain('Insufficient example.com/gpu');
});
