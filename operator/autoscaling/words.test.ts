import { expect, test } from 'vitest';
import type { Decision } from './policy.ts';
import { noteOf, type VerdictInput, verdictOf } from './words.ts';

const config = {
  minReplicas: 0,
  maxReplicas: 4,
  inFlightPerReplica: 8,
  scaleUpWindowMs: 30_000,
  scaleDownWindowMs: 300_000,
  idleTimeoutMs: 600_000,
};
const decision = (needed: number): Decision => ({
  desired: 4,
  needed,
  reason: 'load',
  lookAgainInMs: undefined,
});
const verdict = (rest: Partial<VerdictInput>) =>
  verdictOf({
    decision: decision(4),
    config,
    otherScaler: undefined,
    scheduleProblems: [],
    ...rest,
  });

test.each([
  ['nothing', {}, 'False', 'WithinBounds', /follow the requests/],
  ['the ceiling', { decision: decision(5) }, 'True', 'AtMaxReplicas', /maxReplicas, which is 4/],
  [
    'another scaler, before all else',
    { decision: decision(5), otherScaler: 'keda-hpa-chat' },
    'True',
    'AnotherScaler',
    /HorizontalPodAutoscaler keda-hpa-chat .* Remove it, or remove spec\.autoscaling/,
  ],
  [
    'a schedule',
    { scheduleProblems: [{ field: 'spec.autoscaling.schedules[0].start', problem: 'no' }] },
    'True',
    'ScheduleRefused',
    /^spec\.autoscaling\.schedules\[0\]\.start is left out: no\.$/,
  ],
])('what holds it back: %s', (_, rest, status, reason, says) => {
  const told = verdict(rest);
  expect(told).toMatchObject({ status, reason });
  expect(told.message).toMatch(says);
});

test('an Event tells why, and by which numbers', () => {
  expect(noteOf(1, { ...decision(3), desired: 3 }, { inFlight: 20, held: 2 }, config)).toBe(
    'From 1 to 3 replicas: that is what the requests of the last while ask for. 20 requests are in flight and 2 wait; a replica is to carry 8.',
  );
});
