import { expect, test } from 'vitest';
import type { CanaryStatus } from '../../crds/modeldeployment/canary.ts';
import type { ModelDeploymentStatus } from '../../crds/modeldeployment.ts';
import { noAnswers, type RevisionDemand } from '../../protocol/demand.ts';
import type { Replica } from '../modeldeployment/replica.ts';
import { modelDeployment, nowMs, replica } from '../testing/fixtures.ts';
import { carriedOut, planInput } from '../testing/plans.ts';
import { createCanaries, planWithCanary } from './step.ts';

const rollout = {
  canary: {
    steps: [
      { weight: 20, pause: '1m' },
      { weight: 60, pause: '1m' },
    ],
    gates: { requests: 30 },
  },
};
const lookEveryMs = 10_000;

interface Course {
  /** Phase, step, replicas of both revisions and weight, each time one of them changed. */
  seen: string[];
  canary: CanaryStatus | undefined;
  present: Replica[];
  /** Requests that a revision answered. */
  answered: Map<string, number>;
}

/**
 * A canary of four replicas in virtual time, over two routers that split a steady load by the weight.
 * @param failing which share of its requests the new revision fails
 * @param lag by how many looks the cached status is behind
 * @param restartAt a look at which another operator takes over, which knows what is in the status alone
 */
function run({ failing = 0, restartAt = -1, lag = 0 } = {}): Course {
  let canaries = createCanaries();
  let present: Replica[] = [0, 1, 2, 3].map((slot) => replica(slot, { revision: 'old' }));
  let status = { conditions: [] } as unknown as ModelDeploymentStatus;
  const written = [status];
  const counts = new Map<string, RevisionDemand>();
  const seen: string[] = [];
  const limits = { ...planInput(1, []).rollout, maxSurge: 1 };
  for (let look = 0; look < 100; look++) {
    if (look === restartAt) canaries = createCanaries();
    const deployment = modelDeployment(
      { replicas: 4, rollout },
      written.at(-1 - lag) ?? written[0],
    );
    const input = planInput(4, present, { rollout: limits, nowMs: nowMs + look * lookEveryMs });
    const { status: canary } = canaries.step(deployment, input);
    const { canary: _, ...rest } = status;
    status = { ...rest, ...(canary && { canary }) };
    written.push(status);
    present = carriedOut(
      present,
      planWithCanary(input, deployment.spec.rollout.canary, canary),
      input.nowMs,
    )
      .filter(({ state }) => state === 'live')
      .map((one) => ({ ...one, ready: true, scheduled: true }));
    const of = (revision: string) => present.filter((one) => one.revision === revision).length;
    const line = `${canary?.phase} ${canary?.step} new=${of('new')} old=${of('old')} ${canary?.weight} %`;
    if (seen.at(-1) !== line) seen.push(line);
    const weight = of('new') === 0 ? 0 : (canary?.weight ?? 0);
    for (const router of ['r1', 'r2']) answer(router, weight);
  }
  const answered = new Map<string, number>();
  for (const { revision, requests } of counts.values())
    answered.set(revision, (answered.get(revision) ?? 0) + requests);
  return { seen, canary: status.canary, present, answered };

  function answer(router: string, weight: number): void {
    for (const [revision, requests] of [
      ['new', weight],
      ['old', 100 - weight],
    ] as const) {
      const key = `${router} ${revision}`;
      const before = counts.get(key);
      const demand = {
        ...{ ...noAnswers, namespace: 'models', name: 'skiff', revision },
        requests: (before?.requests ?? 0) + requests,
        failures: (before?.failures ?? 0) + Math.round(revision === 'new' ? requests * failing : 0),
      };
      counts.set(key, demand);
      canaries.heard(router, [demand]);
    }
  }
}

const good = [
  'Running 1 new=1 old=4 0 %',
  'Running 1 new=1 old=4 20 %',
  'Running 2 new=1 old=3 20 %',
  'Running 2 new=2 old=3 25 %',
  'Running 2 new=2 old=2 40 %',
  'Running 2 new=3 old=2 50 %',
  'Running 2 new=3 old=2 60 %',
];

test('a good canary gets its replicas step by step and is promoted', () => {
  const { seen, canary, present } = run();
  expect(canary?.phase).toBe('Promoted');
  expect(seen.slice(0, good.length)).toEqual(good);
  expect(present.map(({ revision }) => revision)).toEqual(['new', 'new', 'new', 'new']);
});

test('another operator that takes over in the middle goes on from the same step', () => {
  const { seen, canary } = run({ restartAt: 5 });
  expect(canary?.phase).toBe('Promoted');
  expect(seen.slice(0, good.length)).toEqual(good);
});

test('a canary that fails a third of its requests is gone at once, and the old revision is whole', () => {
  const { seen, canary, present, answered } = run({ failing: 0.34 });
  expect(canary?.phase).toBe('RolledBack');
  expect(seen[0]).toBe('Running 1 new=1 old=4 0 %');
  expect(seen.at(-1)).toBe('RolledBack 1 new=0 old=4 0 %');
  expect(present.map(({ revision }) => revision)).toEqual(['old', 'old', 'old', 'old']);
  expect(answered.get('new')).toBeLessThan(100);
});

test.each([
  ['good', 0, 'Promoted'],
  ['bad', 0.34, 'RolledBack'],
])(
  'on a cache that is behind a %s canary goes the same way, and not back',
  (_which, failing, phase) => {
    const behind = run({ failing, lag: 2 });
    expect(behind.canary?.phase).toBe(phase);
    expect(behind.seen).toEqual(run({ failing }).seen);
  },
);
