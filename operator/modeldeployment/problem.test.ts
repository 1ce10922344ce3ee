import { expect, test } from 'vitest';
import type { Pod } from '../../kube/resources.ts';
import { pod } from '../testing/fixtures.ts';
import { problemOf } from './problem.ts';
import { replicaOf, withWorkers } from './replica.ts';

type Status = NonNullable<Pod['status']>;
type Container = NonNullable<Status['containerStatuses']>[number];

const container = (rest: Partial<Container>): Status => ({
  containerStatuses: [
    { name: 'engine', image: 'i', imageID: '', ready: false, restartCount: 0, ...rest },
  ],
});
const waiting = (reason: string, message?: string) =>
  container({ state: { waiting: { reason, ...(message && { message }) } } });
const terminated = { exitCode: 1, reason: 'Error', message: '' };
const backOff = { waiting: { reason: 'CrashLoopBackOff' } };

test.each<[string, Status, string, string]>([
  ['being pulled', waiting('ContainerCreating'), 'Starting', 'loads its image or its model'],
  [
    'first failure of a pull',
    waiting('ErrImagePull', 'failed to resolve image: local.test/x:1: not found'),
    'ImagePullFailed',
    'failed to resolve image: local.test/x:1: not found',
  ],
  [
    'the same in back-off reads the same',
    waiting(
      'ImagePullBackOff',
      'Back-off pulling image "local.test/x:1": ErrImagePull: failed to resolve image: local.test/x:1: not found',
    ),
    'ImagePullFailed',
    'failed to resolve image: local.test/x:1: not found',
  ],
  [
    'a pull without network reads the same each time',
    waiting(
      'ErrImagePull',
      'lookup local.test on 10.0.0.1:53: read udp 10.0.0.2:51234->10.0.0.1:53: i/o timeout',
    ),
    'ImagePullFailed',
    'lookup local.test on 10.0.0.1:53: read udp 10.0.0.1:53: i/o timeout',
  ],
  ['a name that is none', waiting('InvalidImageName'), 'ImagePullFailed', 'InvalidImageName'],
  [
    'a missing Secret',
    waiting('CreateContainerConfigError', 'secret "token" not found'),
    'ConfigMissing',
    'secret "token" not found',
  ],
  [
    'no such program',
    waiting('RunContainerError', 'exec: "x": not found.'),
    'EngineCrashed',
    'cannot be started: exec: "x": not found',
  ],
  [
    'a crash, with the last lines of the log',
    container({
      state: backOff,
      restartCount: 3,
      lastState: { terminated: { ...terminated, message: 'loading\n\nerror: no "q"\nexiting\n' } },
    }),
    'EngineCrashed',
    'engine ended with exit code 1, saying "loading | error: no \'q\' | exiting", restarted 3 times',
  ],
  [
    'just ended, not yet in back-off',
    container({ state: { terminated: { ...terminated, exitCode: 2 } } }),
    'EngineCrashed',
    'engine ended with exit code 2',
  ],
  [
    'restarted and loading again: still the same problem',
    container({
      state: { running: { startedAt: '2026-11-21T11:59:00Z' } },
      started: false,
      restartCount: 1,
      lastState: { terminated: { ...terminated, exitCode: 137 } },
    }),
    'EngineCrashed',
    'engine was ended by signal 9, restarted 1 time',
  ],
  [
    'out of memory, with the limit',
    container({
      state: backOff,
      restartCount: 1,
      lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } },
    }),
    'OutOfMemory',
    'was killed for memory, its limit is 1Gi, restarted 1 time',
  ],
  [
    'serving no more',
    {
      conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: '2026-11-21T11:59:30Z' }],
      ...container({ started: true, state: { running: { startedAt: '2026-11-21T11:00:00Z' } } }),
    },
    'NotReady',
    'answers its health check no more',
  ],
  [
    'about to serve for the first time',
    {
      conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: '2026-11-21T10:59:59Z' }],
      ...container({ started: true, state: { running: { startedAt: '2026-11-21T11:00:00Z' } } }),
    },
    'Starting',
    'loads its image or its model',
  ],
  [
    'on a node that is away',
    {
      conditions: [{ type: 'Ready', status: 'False' }],
      ...container({ ready: true, started: true, state: { running: {} } }),
    },
    'NotReady',
    'its node node-a does not answer',
  ],
  [
    'evicted',
    { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' },
    'PodFailed',
    'failed on node node-a: Evicted: The node was low on resource: memory',
  ],
  [
    'refused by its node',
    { phase: 'Failed', reason: 'UnexpectedAdmissionError', message: 'Allocate failed' },
    'PodFailed',
    'failed on node node-a: UnexpectedAdmissionError: Allocate failed',
  ],
])('%s', (_case, status, reason, message) => {
  expect(problemOf(pod(status))).toEqual({ reason, message });
});

const weights = (rest: Partial<Container>): Status => ({
  initContainerStatuses: container({ name: 'weights', ...rest }).containerStatuses ?? [],
});
const gated = 'HTTP 401: https://hub.example/org/m is gated: accept its licence';

test.each<[string, Status, string, string]>([
  ['loading', weights({ state: { running: {} } }), 'LoadingWeights', 'loads its weights'],
  [
    'failed, in the loader’s words',
    weights({ state: { terminated: { ...terminated, message: gated } } }),
    'WeightsFailed',
    gated,
  ],
  [
    'failed and trying again: still the same problem',
    weights({
      state: { running: {} },
      lastState: { terminated: { ...terminated, message: gated } },
      restartCount: 2,
    }),
    'WeightsFailed',
    gated,
  ],
  [
    'killed for memory',
    weights({ state: { terminated: { exitCode: 137, reason: 'OOMKilled' } } }),
    'WeightsFailed',
    'was ended by signal 9',
  ],
  [
    'done; the engine is next',
    weights({ state: { terminated: { exitCode: 0 } }, ready: true }),
    'Starting',
    'loads its image or its model',
  ],
])('weights: %s', (_case, status, reason, message) => {
  expect(problemOf(pod(status))).toEqual({ reason, message });
});

test('a pod without node has the scheduler’s words about the nodes', () => {
  const unplaced = pod({
    conditions: [
      {
        type: 'PodScheduled',
        status: 'False',
        reason: 'Unschedulable',
        message:
          '0/2 nodes are available: 2 Insufficient example.com/gpu. no new claims to deallocate, preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.',
      },
    ],
  });
  delete unplaced.spec.nodeName;
  expect(problemOf(unplaced)).toEqual({
    reason: 'Unschedulable',
    message: '0/2 nodes are available: 2 Insufficient example.com/gpu',
  });
  unplaced.status = { phase: 'Pending' };
  expect(problemOf(unplaced)).toEqual({ reason: 'Scheduling', message: 'waits for the scheduler' });
});

test('a pod that serves has no problem', () => {
  expect(problemOf(pod({ conditions: [{ type: 'Ready', status: 'True' }] }))).toBeUndefined();
});

test('long last words keep their end', () => {
  const message = `${'x'.repeat(700)}\nthe end`;
  const { message: told } =
    problemOf(pod(container({ state: { terminated: { ...terminated, message } } }))) ?? {};
  expect(told).toContain('saying "the end"');
});

test('no secret is among the last words', () => {
  const message = 'loading\nHTTP 401 for HF_TOKEN=hf_0123456789abcdef: giving up';
  const { message: told } =
    problemOf(pod(container({ state: { terminated: { ...terminated, message } } }))) ?? {};
  expect(told).toContain('HTTP 401 for HF_TOKEN=*** giving up');
  expect(told).not.toContain('0123');
});

test('a pod is read as a replica', () => {
  const ready = { conditions: [{ type: 'Ready', status: 'True' }], phase: 'Running' };
  expect(replicaOf(pod(ready))).toEqual({
    name: 'skiff-new-0',
    uid: 'uid-pod',
    slot: 0,
    revision: 'new',
    attempt: 2,
    state: 'live',
    scheduled: true,
    group: undefined,
    node: 'node-a',
    createdAtMs: Date.parse('2026-11-21T11:00:00Z'),
    ready: true,
    sinceMs: undefined,
    problem: undefined,
  });
  const leaving = replicaOf(pod(ready, { deletionTimestamp: '2026-11-21T12:10:00Z' }));
  expect(leaving).toMatchObject({
    state: 'terminating',
    ready: false,
    sinceMs: Date.parse('2026-11-21T12:10:00Z'),
  });
  const since = '2026-11-21T11:40:00Z';
  const annotations = { 'fairlead.dev/draining': since, 'fairlead.dev/attempt': '2' };
  expect(replicaOf(pod(ready, { annotations }))).toMatchObject({
    state: 'draining',
    ready: true,
    sinceMs: Date.parse(since),
  });
  expect(replicaOf(pod()).notReadySinceMs).toBe(Date.parse('2026-11-21T11:00:00Z'));
  const unready = { conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: since }] };
  expect(replicaOf(pod(unready)).notReadySinceMs).toBe(Date.parse(since));
  const finishedAt = '2026-11-21T11:05:00Z';
  const ended = container({ state: { terminated: { ...terminated, finishedAt } } });
  expect(replicaOf(pod({ ...ended, phase: 'Failed' }))).toMatchObject({
    state: 'dead',
    ready: false,
    attempt: 2,
    sinceMs: Date.parse(finishedAt),
  });
  const late = container({ state: { terminated: { ...terminated, finishedAt: since } } });
  expect(replicaOf(pod({ ...late, phase: 'Failed' })).attempt).toBe(0);
});

test('what keeps a worker from running keeps its replica from serving', () => {
  const leader = replicaOf(pod({}, { name: 'skiff-new-0-0' }));
  const unscheduled = {
    ...pod({
      conditions: [
        { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'no room' },
      ],
    }),
    spec: { containers: [] },
  };
  unscheduled.metadata.name = 'skiff-new-0-0-1';
  expect(withWorkers(leader, [pod()])).toMatchObject({ scheduled: true, problem: leader.problem });
  expect(withWorkers(leader, [unscheduled])).toMatchObject({
    scheduled: false,
    problem: { reason: 'Unschedulable', message: 'its worker skiff-new-0-0-1: no room' },
  });
  expect(withWorkers({ ...leader, ready: true }, [unscheduled])).toMatchObject({ ready: true });
});
