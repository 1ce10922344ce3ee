import { expect, test } from 'vitest';
import { schedulesOf } from './schedules.ts';

const working = {
  start: '0 8 * * MON-FRI',
  duration: '10h',
  timeZone: 'Europe/Berlin',
  minReplicas: 3,
};
const lunch = { ...working, start: '30 11 * * *', duration: '2h30m', minReplicas: 5 };
const hour = 3_600_000;
const floorAt = (specs: (typeof working)[], time: string) =>
  schedulesOf(specs).floorAt(Date.parse(time));

// Berlin is UTC+1 in November; the 23rd is a Monday.
test.each([
  ['before it begins', '2026-11-23T06:59:59.999Z', 0, 1],
  ['as it begins', '2026-11-23T07:00:00Z', 3, 10 * hour],
  ['within', '2026-11-23T09:30:00.500Z', 3, 7.5 * hour - 500],
  ['just before its end', '2026-11-23T16:59:59Z', 3, 1000],
  ['as it ends', '2026-11-23T17:00:00Z', 0, 14 * hour],
  ['on a Saturday', '2026-11-21T09:00:00Z', 0, 46 * hour],
])('a floor %s', (_, time, replicas, changesInMs) => {
  expect(floorAt([working], time)).toEqual({ replicas, changesInMs });
});

test('where several overlap the highest holds, until the first of them changes', () => {
  expect(floorAt([working, lunch], '2026-11-23T10:30:00Z')).toEqual({
    replicas: 5,
    changesInMs: 2.5 * hour,
  });
  expect(floorAt([working, lunch], '2026-11-23T13:00:00Z')).toEqual({
    replicas: 3,
    changesInMs: 4 * hour,
  });
});

test('a window that is longer than the time to its next begin never ends', () => {
  const always = { ...working, start: '0 * * * *', duration: '90m' };
  for (const time of ['2026-11-23T10:00:00Z', '2026-11-23T10:45:00Z', '2026-11-23T10:59:59Z'])
    expect(floorAt([always], time).replicas).toBe(3);
});

test('it keeps to the time of day when the clocks change', () => {
  const daily = { ...working, start: '0 8 * * *' };
  expect(floorAt([daily], '2026-10-24T06:00:00Z').replicas).toBe(3);
  expect(floorAt([daily], '2026-10-25T06:59:00Z').replicas).toBe(0);
  expect(floorAt([daily], '2026-10-25T07:00:00Z').replicas).toBe(3);
});

test('no schedule, and one for a day that never comes, have no floor', () => {
  expect(floorAt([], '2026-11-23T10:00:00Z')).toEqual({ replicas: 0, changesInMs: undefined });
  const never = { ...working, start: '0 8 30 2 *' };
  expect(floorAt([never], '2026-11-23T10:00:00Z')).toEqual({ replicas: 0, changesInMs: undefined });
});

test('what cannot be followed is left out and told', () => {
  const schedules = schedulesOf([
    { ...working, start: '0 18-8 * * *' },
    { ...working, timeZone: 'Factory' },
    working,
  ]);
  expect(schedules.problems).toEqual([
    { field: 'spec.autoscaling.schedules[0].start', problem: expect.stringMatching(/18-8/) },
    { field: 'spec.autoscaling.schedules[1].timeZone', problem: 'Factory is not known here' },
  ]);
  expect(schedules.floorAt(Date.parse('2026-11-23T09:00:00Z')).replicas).toBe(3);
});
