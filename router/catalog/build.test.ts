import { expect, test } from 'vitest';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import type { Pod } from '../../kube/resources.ts';
import { buildCatalog, type KnownModels } from './build.ts';
import { slimPod } from './replica.ts';
import { targetOf } from './target.ts';

interface DeploymentFacts {
  namespace?: string;
  servedName?: string;
  createdAt?: string;
  deleting?: boolean;
  message?: string;
  spec?: object;
}

function deployment(name: string, facts: DeploymentFacts = {}): ModelDeployment {
  const { namespace = 'ns', servedName, createdAt = '2026-01-01T00:00:00Z', message } = facts;
  const object = {
    apiVersion: 'fairlead.dev/v1alpha1',
    kind: 'ModelDeployment',
    metadata: {
      name,
      namespace,
      uid: `uid-${name}`,
      resourceVersion: '1',
      creationTimestamp: createdAt,
      ...(facts.deleting ? { deletionTimestamp: createdAt } : undefined),
    },
    spec: {
      servedName,
      engine: { type: 'LlamaCpp', features: ['Chat'] },
      replicas: 2,
      ...facts.spec,
    },
    status: { conditions: [{ type: 'Ready', status: message ? 'False' : 'True', message }] },
  };
  return object as unknown as ModelDeployment;
}

type PodFacts = {
  namespace?: string;
  ready?: boolean;
  ip?: string;
  phase?: string;
  metadata?: object;
  portName?: string;
};

function pod(model: string, name: string, facts: PodFacts = {}): Pod {
  const { namespace = 'ns', ready = true, ip = '10.0.0.1', phase = 'Running' } = facts;
  const object = {
    metadata: {
      name,
      namespace,
      uid: `uid-${name}`,
      labels: { 'fairlead.dev/model-deployment': model, 'fairlead.dev/revision': 'abc' },
      ...facts.metadata,
    },
    spec: {
      containers: [
        { name: 'sidecar', ports: [{ name: 'metrics', containerPort: 1 }] },
        { name: 'engine', ports: [{ name: facts.portName ?? 'http', containerPort: 8000 }] },
      ],
    },
    status: { phase, podIP: ip, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
  return object as unknown as Pod;
}

test('a model has its ready pods as replicas, by name', () => {
  const { byName, models } = buildCatalog(
    [deployment('m')],
    [pod('m', 'm-1'), pod('m', 'm-0', { ip: 'fd00::1' }), pod('other', 'o-0')],
  );
  expect(models).toEqual([byName.get('m')]);
  expect(byName.get('m')).toMatchObject({
    servedName: 'm',
    namespace: 'ns',
    createdS: 1_767_225_600,
    counts: { desired: 2, ready: 2, starting: 0, terminating: 0 },
    notReadyMessage: undefined,
  });
  expect(byName.get('m')?.replicas).toEqual([
    { id: 'uid-m-0', pod: 'm-0', namespace: 'ns', revision: 'abc', host: '[fd00::1]', port: 8000 },
    { id: 'uid-m-1', pod: 'm-1', namespace: 'ns', revision: 'abc', host: '10.0.0.1', port: 8000 },
  ]);
});

test.each<[string, PodFacts, 'starting' | 'terminating']>([
  ['not Ready', { ready: false }, 'starting'],
  ['Ready without an address', { ip: '' }, 'starting'],
  ['deleting', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }, 'terminating'],
  [
    'draining',
    { metadata: { annotations: { 'fairlead.dev/draining': '2026-01-01T00:00:00Z' } } },
    'terminating',
  ],
  ['failed', { phase: 'Failed' }, 'terminating'],
])('a pod that is %s gets no request', (_name, facts, state) => {
  const metadata = { labels: { 'fairlead.dev/model-deployment': 'm' }, ...facts.metadata };
  const model = buildCatalog([deployment('m')], [pod('m', 'm-0', { ...facts, metadata })]);
  expect(model.byName.get('m')).toMatchObject({ replicas: [], counts: { ready: 0, [state]: 1 } });
});

test('a pod without a port named http, or of another namespace, is no replica', () => {
  const pods = [pod('m', 'm-0', { portName: 'web' }), pod('m', 'm-1', { namespace: 'elsewhere' })];
  expect(buildCatalog([deployment('m')], pods).byName.get('m')?.replicas).toEqual([]);
});

test('a name belongs to the older of two objects', () => {
  const older = { servedName: 'shared', namespace: 'a', createdAt: '2025-01-01T00:00:00Z' };
  const { byName, models } = buildCatalog(
    [deployment('new', { servedName: 'shared' }), deployment('old', older)],
    [pod('new', 'new-0'), pod('old', 'old-0', { namespace: 'a' })],
  );
  expect(models).toHaveLength(1);
  expect(byName.get('shared')?.replicas.map((replica) => replica.pod)).toEqual(['old-0']);
});

test('an object that is being deleted serves nothing and leaves its name to others', () => {
  const gone = { servedName: 'shared', deleting: true, createdAt: '2025-01-01T00:00:00Z' };
  const { byName } = buildCatalog(
    [deployment('old', gone), deployment('new', { servedName: 'shared' })],
    [pod('old', 'old-0'), pod('new', 'new-0')],
  );
  expect(byName.get('shared')?.replicas.map((replica) => replica.pod)).toEqual(['new-0']);
});

test('aliases and adapters lead to the model, and to the name that its engine knows', () => {
  const spec = { aliases: ['gpt-4o'], adapters: [{ name: 'law', source: {} }] };
  const catalog = buildCatalog([deployment('m', { servedName: 'org/m', spec })], []);
  expect([...catalog.byName.keys()]).toEqual(['org/m', 'gpt-4o', 'org/m:law']);
  expect(catalog.models).toHaveLength(1);
  expect(targetOf(catalog, 'gpt-4o')).toMatchObject({ engineName: 'org/m', adapter: undefined });
  expect(targetOf(catalog, 'org/m:law')).toMatchObject({ engineName: 'org/m:law', adapter: 'law' });
});

test('an engine that had its adapters from its start knows them by their places', () => {
  const annotations = { 'fairlead.dev/adapter-ids': '["law","med"]' };
  const labels = { 'fairlead.dev/model-deployment': 'm' };
  const pods = [pod('m', 'm-0', { metadata: { labels, annotations } }), pod('m', 'm-1')];
  const [first, second] = buildCatalog([deployment('m')], pods).byName.get('m')?.replicas ?? [];
  expect(first).toMatchObject({ adapterIds: ['law', 'med'], adapters: new Set(['law', 'med']) });
  const spoilt = { labels, annotations: { 'fairlead.dev/adapter-ids': '[' } };
  const other = buildCatalog([deployment('m')], [pod('m', 'm-0', { metadata: spoilt })]);
  expect(other.byName.get('m')?.replicas[0]?.adapters).toEqual(new Set());
  expect(second?.adapterIds).toBeUndefined();
  expect(second?.adapters).toBeUndefined();
});

test('spec.routing is read in milliseconds; an object from before it has the defaults', () => {
  const routing = {
    policy: 'LeastLoad',
    timeouts: { connect: '250ms', firstByte: '1m', idle: '1h30m', total: '0s' },
    retries: 0,
    fallbacks: ['other'],
  };
  const read = (spec: object) => buildCatalog([deployment('m', { spec })], []).models[0]?.routing;
  expect(read({ routing })).toEqual({
    policy: 'LeastLoad',
    retries: 0,
    timeouts: { connectMs: 250, firstByteMs: 60_000, idleMs: 5_400_000, totalMs: 0 },
    fallbacks: ['other'],
  });
  expect(read({})).toMatchObject({ policy: 'PrefixAware', retries: 2, fallbacks: [] });
});

test('why a model is not ready is in the operator’s words', () => {
  const { byName } = buildCatalog([deployment('m', { message: 'no node' })], []);
  expect(byName.get('m')).toMatchObject({ replicas: [], notReadyMessage: 'no node' });
});

test('a slim pod makes the same catalog', () => {
  const pods = [pod('m', 'm-0'), pod('m', 'm-1', { ready: false })];
  const slim = pods.map(slimPod);
  expect(buildCatalog([deployment('m')], slim)).toEqual(buildCatalog([deployment('m')], pods));
});

test('a model that nothing has changed of is the same object in the next catalog', () => {
  const known: KnownModels = new WeakMap();
  const deployments = [deployment('a'), deployment('b'), deployment('c')];
  const [starting, ready] = [pod('b', 'b-0', { ready: false }), pod('c', 'c-0')];
  const build = (pods: Pod[], ...answering: string[]) =>
    buildCatalog(deployments, pods, [], [], new Set(answering), known).models;
  const [a, b, c] = build([starting, ready]);
  expect(build([starting, ready])).toEqual([a, b, c]);
  const [sameA, answeringB, goneC] = build([starting], 'uid-b-0');
  expect(sameA).toBe(a);
  expect(answeringB?.replicas).toHaveLength(1);
  expect(goneC?.replicas).toHaveLength(0);
  const [, readyB] = build([pod('b', 'b-0'), ready]);
  expect(readyB?.counts.ready).toBe(1);
});
