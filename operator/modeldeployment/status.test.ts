import { expect, test } from 'vitest';
import { type ConditionType, conditionTypes, type Reason, reasons } from '../../crds/conditions.ts';
import { modelDeploymentStatus } from '../../crds/modeldeployment.ts';
import { modelDeployment, now, nowMs, replica } from '../testing/fixtures.ts';
import type { Problem } from './problem.ts';
import type { Replica } from './replica.ts';
import { type StatusInput, statusOf } from './status.ts';

const seen = new Set<string>();

function status(replicas: number, present: Replica[], rest: Partial<StatusInput> = {}) {
  const result = statusOf({
    deployment: modelDeployment({ replicas }),
    problem: undefined,
    revision: 'new',
    present,
    refusal: undefined,
    routerUrl: 'http://router/v1',
    nowMs,
    ...rest,
  });
  for (const { type, reason } of result.conditions) seen.add(`${type} ${reason}`);
  return result;
}

/** `Accepted=True Accepted` and so on. */
function shown({ conditions }: { conditions: { type: string; status: string; reason: string }[] }) {
  return conditions.map(({ type, status: is, reason }) => `${type}=${is} ${reason}`);
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
      ['Available', 'ReplicasReady', '2 of 2 replicas serve.'],
      ['Progressing', 'RolledOut', '2 replicas of revision new.'],
      ['Ready', 'Ready', '2 replicas serve.'],
    ].map(([type, reason, message]) => ({
      type,
      status: 'True',
      observedGeneration: 3,
      lastTransitionTime: now,
      reason,
      message,
    })),
  });
});

const nothing = { message: 'x' };
test.each<[string, number, Replica[], Partial<StatusInput>, string[]]>([
  [
    'nothing made yet',
    1,
    [],
    {},
    [
      'Scheduled=Unknown Scheduling',
      'Available=False Starting',
      'Progressing=True Starting',
      'Ready=False Starting',
    ],
  ],
  [
    'waiting for the scheduler',
    1,
    [troubled(0, 'Scheduling', 'waits', { scheduled: false })],
    {},
    [
      'Scheduled=Unknown Scheduling',
      'Available=False Starting',
      'Progressing=True Starting',
      'Ready=False Starting',
    ],
  ],
  [
    'loading',
    1,
    [troubled(0, 'Starting', 'loads')],
    {},
    [
      'Scheduled=True Scheduled',
      'Available=False Starting',
      'Progressing=True Starting',
      'Ready=False Starting',
    ],
  ],
  [
    'one of two serves, the other has no node',
    2,
    [replica(0), troubled(1, 'Unschedulable', 'no gpu', { scheduled: false })],
    {},
    [
      'Scheduled=False Unschedulable',
      'Available=True ReplicasReady',
      'Progressing=True Scaling',
      'Ready=False Unschedulable',
    ],
  ],
  [
    'none has a node',
    1,
    [troubled(0, 'Unschedulable', 'no gpu', { scheduled: false })],
    {},
    [
      'Scheduled=False Unschedulable',
      'Available=False Unschedulable',
      'Progressing=True Starting',
      'Ready=False Unschedulable',
    ],
  ],
  ...(
    ['ImagePullFailed', 'ConfigMissing', 'OutOfMemory', 'EngineCrashed', 'NotReady'] as const
  ).map((reason): [string, number, Replica[], Partial<StatusInput>, string[]] => [
    reason,
    1,
    [troubled(0, reason, 'x')],
    {},
    [
      'Scheduled=True Scheduled',
      `Available=False ${reason}`,
      'Progressing=True Starting',
      `Ready=False ${reason}`,
    ],
  ]),
  [
    'a dead pod waits for its replacement',
    1,
    [troubled(0, 'PodFailed', 'evicted', { state: 'dead' })],
    {},
    [
      'Scheduled=Unknown Scheduling',
      'Available=False PodFailed',
      'Progressing=True Starting',
      'Ready=False PodFailed',
    ],
  ],
  [
    'rolling out',
    2,
    [replica(0, { revision: 'old' }), troubled(1, 'Starting', 'loads')],
    {},
    [
      'Scheduled=True Scheduled',
      'Available=True ReplicasReady',
      'Progressing=True RollingOut',
      'Ready=False RollingOut',
    ],
  ],
  [
    'rolling out something broken',
    2,
    [replica(0, { revision: 'old' }), troubled(1, 'EngineCrashed', 'bad flag')],
    {},
    [
      'Scheduled=True Scheduled',
      'Available=True ReplicasReady',
      'Progressing=True RollingOut',
      'Ready=False EngineCrashed',
    ],
  ],
  [
    'too many',
    1,
    [replica(0), replica(1)],
    {},
    [
      'Scheduled=True Scheduled',
      'Available=True ReplicasReady',
      'Progressing=True Scaling',
      'Ready=False Scaling',
    ],
  ],
  [
    'a quota is exceeded',
    2,
    [replica(0)],
    { refusal: 'exceeded quota' },
    [
      'Scheduled=False PodRefused',
      'Available=True ReplicasReady',
      'Progressing=True Scaling',
      'Ready=False PodRefused',
    ],
  ],
  [
    'a quota allows none',
    1,
    [],
    { refusal: 'exceeded quota' },
    [
      'Scheduled=False PodRefused',
      'Available=False PodRefused',
      'Progressing=True Starting',
      'Ready=False PodRefused',
    ],
  ],
  [
    'at zero',
    0,
    [],
    {},
    [
      'Scheduled=True ScaledToZero',
      'Available=True ScaledToZero',
      'Progressing=True RolledOut',
      'Ready=True ScaledToZero',
    ],
  ],
])('%s', (_case, replicas, present, rest, expected) => {
  expect(shown(status(replicas, present, rest))).toEqual(['Accepted=True Accepted', ...expected]);
});

test.each([
  'ProfileNotFound',
  'FlagRefused',
  'PodTemplateRefused',
  'AcceleratorRefused',
  'ImageMissing',
  'NameConflict',
] as const)('%s: nothing is done, and Ready says why', (reason) => {
  const problem = { reason, ...nothing };
  expect(shown(status(1, [], { problem }))).toEqual([
    `Accepted=False ${reason}`,
    'Scheduled=False NotAccepted',
    'Available=False NotAccepted',
    'Progressing=False NotAccepted',
    `Ready=False ${reason}`,
  ]);
  expect(shown(status(1, [replica(0)], { problem }))).toContain('Available=True ReplicasReady');
});

test('who serves no name has no address', () => {
  const problem = { reason: 'NameConflict', ...nothing } as const;
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

test('a worse problem comes first', () => {
  const present = [
    troubled(0, 'Unschedulable', 'no gpu'),
    troubled(1, 'ImagePullFailed', 'no image'),
  ];
  expect(shown(status(2, present))).toContain('Ready=False ImagePullFailed');
});

test('a pod on its way out counts as terminating and as nothing else', () => {
  const result = status(1, [replica(0), replica(1, { state: 'terminating' })]);
  expect(result).toMatchObject({ replicas: 1, readyReplicas: 1, terminatingReplicas: 1 });
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
    Available: '2026-11-21T12:01:00Z',
    Progressing: now,
    Ready: '2026-11-21T12:01:00Z',
  });
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

test('the catalogue lists exactly the reasons that occur, on the conditions where they occur', () => {
  const listed = Object.entries(reasons).flatMap(([reason, { on }]) =>
    on.map((type) => `${type} ${reason}`),
  );
  expect([...seen].sort()).toEqual(listed.sort());
  expect(Object.keys(conditionTypes)).toEqual(status(1, []).conditions.map(({ type }) => type));
  for (const name of Object.keys(reasons) as Reason[]) expect(name).toMatch(/^[A-Z][A-Za-z]+$/);
});
