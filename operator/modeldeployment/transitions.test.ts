import { expect, test } from 'vitest';
import type { EventNote } from '../../kube/events.ts';
import { modelDeployment, replica } from '../testing/fixtures.ts';
import { statusFor } from '../testing/statuses.ts';
import type { Problem } from './problem.ts';
import type { Replica } from './replica.ts';
import { tellTransitions } from './transitions.ts';

const status = (present: Replica[], replicas = 1) => statusFor(replicas, present);

function told(before: ReturnType<typeof status> | undefined, after: ReturnType<typeof status>) {
  const notes: string[] = [];
  const events = {
    record: (_object: unknown, { type, reason }: EventNote) => notes.push(`${type} ${reason}`),
    flush: async () => {},
  };
  tellTransitions(events, modelDeployment({}, before), after);
  return notes;
}

const troubled = (reason: Problem['reason'], message: string) =>
  status([replica(0, { ready: false, problem: { reason, message } })]);
const ready = status([replica(0)]);
const crashed = troubled('EngineCrashed', 'once');

test.each([
  ['a first start', undefined, troubled('Starting', 'x'), []],
  ['Ready', troubled('Starting', 'x'), ready, ['Normal Ready']],
  ['trouble', ready, crashed, ['Warning EngineCrashed']],
  ['the same trouble in other words', crashed, troubled('EngineCrashed', 'twice'), []],
  ['other trouble', crashed, troubled('OutOfMemory', 'x'), ['Warning OutOfMemory']],
  ['a rollout', ready, status([replica(0, { revision: 'old' })]), ['Normal RollingOut']],
  ['zero', ready, status([], 0), ['Normal ScaledToZero']],
  ['nothing', ready, ready, []],
])('%s', (_case, before, after, notes) => {
  expect(told(before, after)).toEqual(notes);
});
