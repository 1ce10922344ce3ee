import { expect, test } from 'vitest';
import { type ConditionType, conditionTypes, type Reason, reasons } from '../../crds/conditions.ts';
import type { CanaryStatus } from '../../crds/modeldeployment/canary.ts';
import { judgeAdapters } from '../adapters/verdict.ts';
import { modelDeployment, now, nowMs, replica } from '../testing/fixtures.ts';
import { statusFor } from '../testing/statuses.ts';
import type { Problem } from './problem.ts';
import type { Replica } from './replica.ts';
import type { StatusInput } from './status.ts';

const seen = new Set<string>();

function status(...of: Parameters<typeof statusFor>) {
  const result = statusFor(...of);
  for (const { type, reason } of result.conditions) seen.add(`${type} ${reason}`);
  return result;
}

/** `Accepted=True Accepted` and so on, without a Stalled that has nothing to say. */
function shown({ conditions }: { conditions: { type: string; status: string; reason: string }[] }) {
  return conditions
    .map(({ type, status: is, reason }) => `${type}=${is} ${reason}`)
    .filter((line) => line !== 'Stalled=False NotStalled');
}

const messageOf = (of: ReturnType<typeof status>, type: ConditionType) =>
  of.conditions.find((condition) => condition.type === type)?.message;

function troubled(slot: number, reason: Problem['reason'], message: string, rest = {}): Replica {
  return replica(slot, { ready: false, problem: { reason, message }, ...rest });
}

test('all serve', () => {
  expect(status(2, [replica(0), replica(1)])).toEqual({
    observedGeneration: 3,
    replicas: 2,
    readyReplicas: 2,
    updatedReplicas: 2,
    availableReplicas: 2,
    terminatingReplicas: 0,
    selector: 'fairlead.dev/model-deployment=skiff',
    currentRevision: 'new',
    updateRevision: 'new',
    url: 'http://router/v1',
    servedNames: ['skiff'],
    conditions: [
      ['Accepted', 'Accepted', 'The spec is sound.'],
      ['Scheduled', 'Scheduled', 'Every replica has a node.'],
      ['WeightsReady', 'WeightsReady', '2 of 2 replicas have their weights.'],
      ['Available', 'ReplicasReady', '2 of 2 replicas serve.'],
      ['Progressing', 'RolledOut', '2 replicas of revision new.'],
      ['Stalled', 'NotStalled', 'Nothing is stuck.'],
      ['Ready', 'Ready', '2 replicas serve.'],
    ].map(([type, reason, message]) => ({
      type,
      status: type === 'Stalled' ? 'False' : 'True',
      observedGeneration: 3,
      lastTransitionTime: now,
      reason,
      message,
    })),
  });
});

const nothing = { message: 'x' };
/** Scheduled, Available, Progressing and Ready: status and reason of each. */
test.each<[string, number, Replica[], Partial<StatusInput>, string]>([
  [
    'nothing made yet',
    1,
    [],
    {},
    'Unknown Scheduling, False Starting, True Starting, False Starting',
  ],
  [
    'waiting for the scheduler',
    1,
    [troubled(0, 'Scheduling', 'waits', { scheduled: false })],
    {},
    'Unknown Scheduling, False Starting, True Starting, False Starting',
  ],
  [
    'loading',
    1,
    [troubled(0, 'Starting', 'loads')],
    {},
    'True Scheduled, False Starting, True Starting, False Starting',
  ],
  [
    'one of two serves, the other has no node',
    2,
    [replica(0), troubled(1, 'Unschedulable', 'no gpu', { scheduled: false })],
    {},
    'False Unschedulable, True ReplicasReady, True Scaling, False Unschedulable',
  ],
  [
    'none has a node',
    1,
    [troubled(0, 'Unschedulable', 'no gpu', { scheduled: false })],
    {},
    'False Unschedulable, False Unschedulable, True Starting, False Unschedulable',
  ],
  ...(
    ['ImagePullFailed', 'ConfigMissing', 'OutOfMemory', 'EngineCrashed', 'NotReady'] as const
  ).map((reason): [string, number, Replica[], Partial<StatusInput>, string] => [
    reason,
    1,
    [troubled(0, reason, 'x')],
    {},
    `True Scheduled, False ${reason}, True Starting, False ${reason}`,
  ]),
  [
    'a dead pod waits for its replacement',
    1,
    [troubled(0, 'PodFailed', 'evicted', { state: 'dead' })],
    {},
    'Unknown Scheduling, False PodFailed, True Starting, False PodFailed',
  ],
  [
    'rolling out',
    2,
    [replica(0, { revision: 'old' }), troubled(1, 'Starting', 'loads')],
    {},
    'True Scheduled, True ReplicasReady, True RollingOut, False RollingOut',
  ],
  [
    'rolling out something broken',
    2,
    [replica(0, { revision: 'old' }), troubled(1, 'EngineCrashed', 'bad flag')],
    {},
    'True Scheduled, True ReplicasReady, True RollingOut, False EngineCrashed',
  ],
  [
    'too many',
    1,
    [replica(0), replica(1)],
    {},
    'True Scheduled, True ReplicasReady, True Scaling, False Scaling',
  ],
  [
    'a quota is exceeded',
    2,
    [replica(0)],
    { refusal: 'exceeded quota' },
    'False PodRefused, True ReplicasReady, True Scaling, False PodRefused',
  ],
  [
    'a quota allows none',
    1,
    [],
    { refusal: 'exceeded quota' },
    'False PodRefused, False PodRefused, True Starting, False PodRefused',
  ],
  ['at zero', 0, [], {}, 'True ScaledToZero, True ScaledToZero, True RolledOut, True ScaledToZero'],
])('%s', (_case, replicas, present, rest, expected) => {
  const conditions = shown(status(replicas, present, rest));
  const others = conditions.filter((line) => !line.startsWith('WeightsReady'));
  const [, ...told] = others.map((line) => line.replace(/^\w+=/, ''));
  expect(told.join(', ')).toBe(expected);
});

test.each<[string, number, Replica[], string, RegExp]>([
  ['no pod yet', 1, [], 'Unknown Starting', /No engine has its weights yet/],
  [
    'loading',
    2,
    [troubled(0, 'LoadingWeights', 'loads its weights'), troubled(1, 'Starting', 'x')],
    'Unknown LoadingWeights',
    /^Replica skiff-new-0: loads its weights\.$/,
  ],
  [
    'one fails',
    2,
    [replica(0), troubled(1, 'WeightsFailed', 'HTTP 404 for x: correct it')],
    'False WeightsFailed',
    /^Replica skiff-new-1: HTTP 404 for x: correct it\. It is tried again/,
  ],
  ['one serves', 2, [replica(0), troubled(1, 'Starting', 'x')], 'True WeightsReady', /^1 of 2/],
  ['the engine ran', 1, [troubled(0, 'EngineCrashed', 'x')], 'True WeightsReady', /^1 of 1/],
  ['at zero', 0, [], 'True ScaledToZero', /0/],
])('WeightsReady: %s', (_case, replicas, present, expected, says) => {
  const result = status(replicas, present);
  expect(shown(result)).toContain(`WeightsReady=${expected}`);
  expect(messageOf(result, 'WeightsReady')).toMatch(says);
});

test('weights that cannot be loaded are what Available and Ready tell', () => {
  const failing = status(1, [troubled(0, 'WeightsFailed', 'gated')]);
  expect(shown(failing)).toEqual(
    expect.arrayContaining(['Available=False WeightsFailed', 'Ready=False WeightsFailed']),
  );
  const loading = status(1, [troubled(0, 'LoadingWeights', 'loads')]);
  expect(shown(loading)).toEqual(
    expect.arrayContaining(['Available=False LoadingWeights', 'Ready=False Starting']),
  );
});

test.each([
  'ProfileNotFound',
  'FlagRefused',
  'PodTemplateRefused',
  'AcceleratorRefused',
  'SourceRefused',
  'CacheNotFound',
  'ImageMissing',
  'NameConflict',
] as const)('%s: nothing is done, and Ready says why', (reason) => {
  const problem = { reason, ...nothing };
  expect(shown(status(1, [], { problem }))).toEqual([
    `Accepted=False ${reason}`,
    'Scheduled=False NotAccepted',
    'WeightsReady=False NotAccepted',
    'Available=False NotAccepted',
    'Progressing=False NotAccepted',
    'Stalled=True NotAccepted',
    `Ready=False ${reason}`,
  ]);
  expect(shown(status(1, [replica(0)], { problem }))).toContain('Available=True ReplicasReady');
});

test('a worse problem comes first', () => {
  const present = [
    troubled(0, 'Unschedulable', 'no gpu'),
    troubled(1, 'ImagePullFailed', 'no image'),
  ];
  expect(shown(status(2, present))).toContain('Ready=False ImagePullFailed');
});

test('replicas that do not serve in time stop the rollout, and say so until they do', () => {
  const broken = troubled(1, 'EngineCrashed', 'engine ended with exit code 1');
  const present = [replica(0, { revision: 'old' }), broken];
  const before = status(2, present);
  expect(messageOf(before, 'Progressing')).toBe(
    '1 of 2 replicas are of revision new, 0 of them serve. Nothing more is replaced until they do.',
  );
  const late = status(2, present, { nowMs: nowMs + 3_600_000 });
  expect(shown(late)).toEqual(
    expect.arrayContaining([
      'Available=True ReplicasReady',
      'Progressing=False ProgressDeadlineExceeded',
      'Stalled=True ProgressDeadlineExceeded',
      'Ready=False EngineCrashed',
    ]),
  );
  expect(messageOf(late, 'Stalled')).toBe(
    'Not serving within spec.rollout.startTimeout. Replica skiff-new-1: engine ended with exit code 1. See what Ready says of them. Correct the spec, or go back to the previous one.',
  );
  const hanging = troubled(0, 'Starting', 'loads');
  expect(shown(status(1, [hanging], { nowMs: nowMs + 3_600_000 }))).toContain(
    'Ready=False ProgressDeadlineExceeded',
  );
});

test('paused: Progressing says so, the others what is', () => {
  const paused = { deployment: modelDeployment({ replicas: 1, paused: true }) };
  expect(shown(status(1, [replica(0)], paused))).toEqual(
    expect.arrayContaining(['Progressing=Unknown Paused', 'Ready=True Ready']),
  );
  const changed = status(1, [replica(0, { revision: 'old' })], paused);
  expect(shown(changed)).toContain('Ready=False Paused');
  expect(messageOf(changed, 'Ready')).toBe(
    'Nothing is done while spec.paused is true. Remove spec.paused, or set it to false, to go on.',
  );
});

const loadOf = (reason: Problem['reason'], message: string): Partial<StatusInput> => ({
  loads: [{ what: 'Job', name: 'weights-1', problem: { reason, message } }],
});

test('weights are loaded into a cache before there is a replica', () => {
  const result = status(1, [], loadOf('LoadingWeights', 'loads its weights: 41 %'));
  expect(shown(result)).toEqual([
    'Accepted=True Accepted',
    'Scheduled=Unknown Scheduling',
    'WeightsReady=Unknown LoadingWeights',
    'Available=False LoadingWeights',
    'Progressing=True LoadingWeights',
    'Ready=False LoadingWeights',
  ]);
  expect(messageOf(result, 'WeightsReady')).toBe('Job weights-1: loads its weights: 41 %.');
});

test('a load into a cache that fails is told, whatever serves', () => {
  const result = status(1, [], loadOf('WeightsFailed', 'HTTP 404 for https://h.example/a'));
  expect(shown(result)).toContain('Ready=False WeightsFailed');
  expect(messageOf(result, 'WeightsReady')).toMatch(/^Job weights-1: HTTP 404 for https:\/\/h\./);
  const stuck = status(1, [], loadOf('Unschedulable', '0/1 nodes are available'));
  expect(shown(stuck)).toContain('WeightsReady=False WeightsFailed');
  expect(shown(stuck)).toContain('Ready=False Unschedulable');
  const serving = status(1, [replica(0, { revision: 'old' })], loadOf('WeightsFailed', 'x'));
  expect(shown(serving)).toContain('Available=True ReplicasReady');
  expect(shown(serving)).toContain('WeightsReady=False WeightsFailed');
});

test('without LeaderWorkerSets a replica of several hosts cannot be made', () => {
  const result = status(1, [], { lacksGroups: true });
  expect(shown(result)).toEqual([
    'Accepted=True Accepted',
    'Scheduled=False UnsupportedTopology',
    'WeightsReady=Unknown Starting',
    'Available=False UnsupportedTopology',
    'Progressing=True Starting',
    'Stalled=True UnsupportedTopology',
    'Ready=False UnsupportedTopology',
  ]);
  expect(messageOf(result, 'Stalled')).toMatch(/^spec\.nodes: .*Install LeaderWorkerSet/);
});

test('a profile that has changed since the revision was made is told of', () => {
  const result = status(1, [replica(0)], { changedProfile: 'nvidia' });
  expect(messageOf(result, 'Ready')).toBe(
    '1 replica serves. AcceleratorProfile nvidia has changed, and is not in use yet: the next revision takes it up.',
  );
  expect(shown(result)).toContain('Ready=True Ready');
});

const autoscaled = {
  deployment: modelDeployment({ autoscaling: { maxReplicas: 3 } }),
  scaling: { status: 'False', reason: 'WithinBounds', message: '' },
} as const;
const canary = (phase: CanaryStatus['phase']): CanaryStatus => ({
  ...{ phase, revision: 'new', stableRevision: 'old', step: 1, weight: 10, message: 'As it is.' },
});

test.each([
  ['is on', 'Running', ['True Canary', 'False Canary', 'False NotStalled']],
  ['was worse', 'RolledBack', ['False CanaryFailed', 'False CanaryFailed', 'True CanaryFailed']],
  ['has passed', 'Promoted', ['True RollingOut', 'False RollingOut', 'False NotStalled']],
] as const)('a canary that %s', (_case, phase, [progressing, ready, stalled]) => {
  const before = status(2, [replica(0), replica(1)], { revision: 'old' });
  const deployment = modelDeployment({ replicas: 2 }, { ...before, currentRevision: 'old' });
  const present = [replica(0, { revision: 'old' }), replica(1, { revision: 'old' }), replica(2)];
  const result = status(2, present, { deployment, canary: canary(phase) });
  expect(result.canary?.phase).toBe(phase);
  expect(result.currentRevision).toBe('old');
  const lines = result.conditions.map(({ type, status: is, reason }) => `${type}=${is} ${reason}`);
  expect(lines).toEqual(
    expect.arrayContaining([`Progressing=${progressing}`, `Ready=${ready}`, `Stalled=${stalled}`]),
  );
});

const noAdapter = judgeAdapters(['law'], []);

test.each([
  ['are there', 'loaded', 'True AdaptersLoaded', 'True Ready'],
  ['are on their way', 'loading', 'Unknown LoadingAdapters', 'False LoadingAdapters'],
  ['are refused', 'failed', 'False AdapterFailed', 'False AdapterFailed'],
] as const)('its adapters %s', (_case, state, expected, ready) => {
  const said = [{ name: 'skiff:law', state }];
  const adapters = judgeAdapters(['law'], [{ name: 'skiff-new-0', adapters: said }]);
  const result = status(1, [replica(0)], { adapters });
  expect(result.adapters).toEqual(adapters.status);
  expect(shown(result)).toContain(`AdaptersReady=${expected}`);
  expect(shown(result)).toContain(`Ready=${ready}`);
});

test('the catalogue lists exactly the reasons that occur, on the conditions where they occur', () => {
  const ofExternalModels = ['NamespaceNotEnabled', 'SecretNotUsable'];
  const listed = Object.entries(reasons)
    .filter(([reason]) => !ofExternalModels.includes(reason))
    .flatMap(([reason, { on }]) => on.map((type) => `${type} ${reason}`))
    .filter((line) => !line.startsWith('ScalingLimited'));
  expect([...seen].sort()).toEqual(listed.sort());
  expect(Object.keys(conditionTypes)).toEqual(
    status(1, [], { adapters: noAdapter, ...autoscaled }).conditions.map(({ type }) => type),
  );
  for (const name of Object.keys(reasons) as Reason[]) expect(name).toMatch(/^[A-Z][A-Za-z]+$/);
});
