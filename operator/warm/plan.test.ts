import { expect, test } from 'vitest';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import type { Pod } from '../../kube/resources.ts';
import type { PodTemplate } from '../modeldeployment/replica-pod.ts';
import { modelDeployment } from '../testing/fixtures.ts';
import { warmPlan } from './plan.ts';

const template = {
  metadata: {},
  spec: {
    initContainers: [{ name: 'weights', image: 'fairlead:1' }],
    containers: [{ name: 'engine', image: 'engine:1', resources: { limits: { gpu: '1' } } }],
    volumes: [{ name: 'model', image: { reference: 'weights:1' } }, { name: 'scratch' }],
    nodeSelector: { gpu: 'a100' },
    tolerations: [{ key: 'gpu' }],
  },
} as unknown as PodTemplate;

const atZero = (warmNodes: number, rest: object = {}) =>
  modelDeployment({ replicas: 0, warmNodes, ...rest });
const of = (deployment: ModelDeployment, present: readonly Pod[] = [], from = template) =>
  warmPlan({ deployment, template: from, sleeperImage: 'fairlead:1', present });
/** The world after a plan was carried out. */
const made = (deployment: ModelDeployment, from = template) =>
  of(deployment, [], from).creates.map((pod) => ({ ...pod, status: { phase: 'Running' } }) as Pod);
const names = (pods: readonly { metadata: { name: string } }[]) =>
  pods.map(({ metadata }) => metadata.name);

test('at zero each image of a replica is held on as many nodes as asked for, where it could go', () => {
  const { creates } = of(atZero(2));
  expect(names(creates)).toEqual([
    expect.stringMatching(/^skiff-warm-[0-9a-f]{8}-0$/),
    expect.stringMatching(/^skiff-warm-[0-9a-f]{8}-1$/),
  ]);
  const spec = creates[0]!.spec!;
  expect(spec.volumes?.map(({ image }) => image?.reference)).toEqual([
    'fairlead:1',
    'engine:1',
    'weights:1',
  ]);
  expect(spec.containers[0]?.volumeMounts).toHaveLength(3);
  expect(spec).toMatchObject({ nodeSelector: { gpu: 'a100' }, tolerations: [{ key: 'gpu' }] });
  expect(spec.containers[0]?.resources).toEqual({
    requests: { cpu: '1m', memory: '8Mi' },
    limits: { memory: '32Mi' },
  });
});

test('on its own result it plans nothing', () => {
  expect(of(atZero(2), made(atZero(2)))).toEqual({ creates: [], deletes: [] });
});

test.each([
  ['replicas are wanted', modelDeployment({ replicas: 1, warmNodes: 2 })],
  ['it is not asked for any more', modelDeployment({ replicas: 0 })],
])('when %s, all go', (_case, deployment) => {
  expect(of(deployment, made(atZero(2)))).toMatchObject({
    creates: [],
    deletes: [{ metadata: {} }, { metadata: {} }],
  });
});

test('another image makes other pods', () => {
  const other = structuredClone(template);
  other.spec.containers[0]!.image = 'engine:2';
  const present = made(atZero(1));
  const { creates, deletes } = of(atZero(1), present, other);
  expect(names(deletes)).toEqual(names(present));
  expect(creates).toHaveLength(1);
  expect(names(creates)).not.toEqual(names(present));
});

test('a pod that ended is made anew once it is gone', () => {
  const [first] = made(atZero(1));
  const evicted = { ...first!, status: { phase: 'Failed' } } as Pod;
  expect(of(atZero(1), [evicted])).toEqual({ creates: [], deletes: [evicted] });
  const going = { ...evicted, metadata: { ...evicted.metadata, deletionTimestamp: 'now' } };
  expect(of(atZero(1), [going])).toEqual({ creates: [], deletes: [] });
  expect(of(atZero(1), []).creates).toHaveLength(1);
});

test('nothing without a revision, and nothing while paused', () => {
  const deployment = atZero(1);
  const input = { deployment, template: undefined, sleeperImage: 'fairlead:1', present: [] };
  expect(warmPlan(input)).toEqual({ creates: [], deletes: [] });
  expect(of(atZero(1, { paused: true }))).toEqual({ creates: [], deletes: [] });
});
