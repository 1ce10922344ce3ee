import { expect, test } from 'vitest';
import type { ConditionType } from '../../crds/conditions.ts';
import type { CanaryStatus } from '../../crds/modeldeployment/canary.ts';
import { modelDeploymentStatus } from '../../crds/modeldeployment.ts';
import { modelDeployment, now, nowMs, replica } from '../testing/fixtures.ts';
import { statusFor as status } from '../testing/statuses.ts';
import type { Problem } from './problem.ts';
import type { Replica } from './replica.ts';

const messageOf = (of: ReturnType<typeof status>, type: ConditionType) =>
  of.conditions.find((condition) => condition.type === type)?.message;

function troubled(slot: number, reason: Problem['reason'], message: string, rest = {}): Replica {
  return replica(slot, { ready: false, problem: { reason, message }, ...rest });
}

/** `Accepted=True Accepted` and so on, without a Stalled that has nothing to say. */
function shown({ conditions }: { conditions: { type: string; status: string; reason: string }[] }) {
  return conditions
    .map(({ type, status: is, reason }) => `${type}=${is} ${reason}`)
    .filter((line) => line !== 'Stalled=False NotStalled');
}

const rolledBack: CanaryStatus = {
  ...{ phase: 'RolledBack' as const, revision: 'new', stableRevision: 'old' },
  ...{ step: 1, weight: 0, message: 'It was worse.' },
};

test('who serves no name has no address', () => {
  const problem = { reason: 'NameConflict', message: 'x' } as const;
  const result = status(1, [], { problem });
  expect(result.servedNames).toEqual([]);
  expect(result).not.toHaveProperty('url');
});

test('the message names the replicas, gives the cause once for each, and says what to do', () => {
  const present = [0, 1, 2, 3, 4, 5].map((slot) =>
    troubled(slot, 'Unschedulable', `cause ${Math.max(0, slot - 1)}`, { scheduled: false }),
  );
  expect(messageOf(status(6, present), 'Scheduled')).toBe(
    'Replica skiff-new-0, skiff-new-1: cause 0. Replica skiff-new-2: cause 1. Replica skiff-new-3: cause 2. 2 more like it. Add nodes, free the resource, or ask for fewer replicas or another profile.',
  );
});

test('a pod on its way out counts as terminating and as nothing else', () => {
  const leaving = [replica(1, { state: 'terminating' }), replica(2, { state: 'draining' })];
  const result = status(1, [replica(0), ...leaving]);
  expect(result).toMatchObject({ replicas: 1, readyReplicas: 1, terminatingReplicas: 2 });
  expect(shown(result)).toContain('Ready=True Ready');
});

test('lastTransitionTime moves when the status flips and only then', () => {
  const before = status(1, [replica(0)]);
  const later = nowMs + 60_000;
  const deployment = modelDeployment({ replicas: 1 }, before);
  const same = status(1, [replica(0)], { deployment, nowMs: later });
  expect(same).toEqual(before);
  const flipped = status(1, [troubled(0, 'NotReady', 'silent')], { deployment, nowMs: later });
  const times = flipped.conditions.map(({ type, lastTransitionTime }) => [
    type,
    lastTransitionTime,
  ]);
  expect(Object.fromEntries(times)).toEqual({
    Accepted: now,
    Scheduled: now,
    WeightsReady: now,
    Available: '2026-11-21T12:01:00Z',
    Progressing: now,
    Stalled: now,
    Ready: '2026-11-21T12:01:00Z',
  });
});

test('a revision that was rolled back is not taken for the current one while there are no replicas', () => {
  const before = { ...status(0, []), currentRevision: 'old' };
  const deployment = modelDeployment({ replicas: 0 }, before);
  const result = status(0, [], { deployment, canary: rolledBack });
  expect(result.currentRevision).toBe('old');
});

test('currentRevision stays at what was last rolled out', () => {
  const before = status(1, [replica(0)]);
  const deployment = modelDeployment({ replicas: 1 }, before);
  const changed = { deployment, revision: 'newer' };
  const during = status(1, [replica(0)], changed);
  expect(during).toMatchObject({ currentRevision: 'new', updateRevision: 'newer' });
  expect(shown(status(1, [], changed))).toContain('Progressing=True RollingOut');
  const after = status(1, [replica(0, { revision: 'newer' })], changed);
  expect(after.currentRevision).toBe('newer');
});

test('every status fits the schema', () => {
  const many = Array.from({ length: 1000 }, (_, slot) =>
    troubled(slot, 'EngineCrashed', `${slot}${'x'.repeat(400)}`),
  );
  expect(modelDeploymentStatus.safeParse(status(1000, many)).error).toBeUndefined();
});
