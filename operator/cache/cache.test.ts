import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Intent, KubeObject, ResourceType } from '../../kube/object.ts';
import type { Job, PersistentVolumeClaim, Pod } from '../../kube/resources.ts';
import { createStore } from '../../kube/store.ts';
import { engines } from '../engines/engines.ts';
import type { Resolved } from '../modeldeployment/pod.ts';
import { modelDeployment } from '../testing/fixtures.ts';
import { sourceSettings, weightsFor } from '../testing/weights.ts';
import { bringLoads } from './bring.ts';
import { cacheJob } from './job.ts';
import { byJob, jobIndexes, jobOfPod, loadStates } from './state.ts';

const metadata = (name: string) => ({
  name,
  namespace: 'models',
  uid: `uid-${name}`,
  resourceVersion: '5',
  creationTimestamp: '2026-11-21T12:00:00Z',
});
const claim = { metadata: metadata('mine'), spec: {} } as PersistentVolumeClaim;
const { loader } = sourceSettings;

function model(name: string, source: object = {}): ModelDeployment {
  const uri = 'hf://org/m/q4.gguf';
  const deployment = modelDeployment({ source: { uri, cache: 'mine', ...source } });
  return { ...deployment, metadata: { ...deployment.metadata, name, uid: `uid-${name}` } };
}

function resolvedOf(deployment: ModelDeployment): Resolved {
  const cacheOf = (name: string) =>
    name === 'fast'
      ? { claim: 'fairlead-fast', cacheClass: name }
      : { claim: name, cacheClass: undefined };
  const weights = weightsFor(deployment, { ...sourceSettings, cacheOf });
  return { engine: engines.LlamaCpp, image: 'llama:1', weights, profile: undefined };
}

/** A namespace in memory whose API server takes everything. */
function world() {
  const stores = {
    claims: createStore<PersistentVolumeClaim>(),
    jobs: createStore<Job>(jobIndexes),
    pods: createStore<Pod>({ [byJob]: jobOfPod }),
    progressOf: () => ({ bytes: 4.1e9, totalBytes: 10e9 }),
  };
  stores.claims.set(claim);
  const writes: string[] = [];
  const set = (job: Intent<Job>) =>
    stores.jobs.set({
      ...job,
      metadata: { ...metadata(job.metadata.name), ...job.metadata },
    } as unknown as Job);
  const client = {
    async create<T extends KubeObject>({ kind }: ResourceType<T>, intent: Intent<T>) {
      writes.push(`create ${kind} ${intent.metadata.name.replace(/[0-9a-f]{12}$/, '…')}`);
      if (kind === 'Job') set(intent as unknown as Intent<Job>);
    },
    async patch(_: ResourceType, { name }: { name: string }, body: Intent<Job>) {
      const owners = body.metadata.ownerReferences?.map((owner) => owner.name);
      writes.push(`owned by ${owners}`);
      set({
        ...stores.jobs.get(`models/${name}`),
        metadata: { ...body.metadata, name },
      } as Intent<Job>);
    },
    async delete(_: ResourceType, { name }: { name: string }) {
      writes.push('delete Job');
      stores.jobs.remove(`models/${name}`);
    },
  } as unknown as KubeClient;
  const settings = {
    cacheClasses: { fast: { size: '1Ti', accessModes: ['ReadWriteMany' as const] } },
    loader,
  };
  const { signal } = new AbortController();
  const bring = async (deployment: ModelDeployment, resolved = resolvedOf(deployment)) => {
    writes.length = 0;
    await bringLoads(deployment, resolved, { client, signal, stores, settings });
    return [...writes];
  };
  return { stores, bring };
}

test('the Job: the loader on the claim, where the replicas go, with no accelerator', async () => {
  const deployment = model('skiff', { secretName: 'hub' });
  deployment.spec.podTemplate = { spec: { nodeSelector: { pool: 'gpu' } } };
  const resolved = resolvedOf(deployment);
  const [load] = resolved.weights.loads ?? [];
  const job = cacheJob(deployment, resolved, load!, claim, loader);
  await expect(stringify(job, { lineWidth: 0, aliasDuplicateObjects: false })).toMatchFileSnapshot(
    'golden/job.yaml',
  );
});

test('replicas mount what the Job loads, read-only, and load nothing themselves', () => {
  const { weights } = resolvedOf(model('skiff'));
  expect(weights).toMatchObject({
    volumes: [{ name: 'model', persistentVolumeClaim: { claimName: 'mine' } }],
    volumeMounts: [{ mountPath: '/models', readOnly: true, subPath: weights.loads?.[0]?.folder }],
    modelPath: '/models/q4.gguf',
  });
  expect(weights.initContainers).toBeUndefined();
});

test('two models share one Job, and it goes with the last of them', async () => {
  const { bring } = world();
  const [one, other] = [model('one'), model('other')];
  expect(await bring(one)).toEqual(['create Job weights-…']);
  expect(await bring(one)).toEqual([]);
  expect(await bring(other)).toEqual(['owned by one,other']);
  const elsewhere = { source: { uri: 'hf://org/n/q4.gguf', cache: 'mine' } };
  one.spec = modelDeployment(elsewhere).spec;
  expect(await bring(one)).toEqual(['create Job weights-…', 'owned by other']);
  expect(await bring(one)).toEqual([]);
  other.spec = modelDeployment({}).spec;
  expect(await bring(other)).toEqual(['delete Job']);
});

test('a Secret that is named later gets another Job, as long as it is nobody else’s', async () => {
  const { bring } = world();
  const one = model('one');
  await bring(one);
  one.spec.source.secretName = 'hub';
  expect(await bring(one)).toEqual(['delete Job']);
  expect(await bring(one)).toEqual(['create Job weights-…']);
  await bring(model('other', { secretName: 'hub' }));
  one.spec.source.secretName = 'another';
  expect(await bring(one)).toEqual([]);
});

test('a cache class gets its claim first', async () => {
  const { bring, stores } = world();
  const one = model('one', { cache: 'fast' });
  expect(await bring(one)).toEqual(['create PersistentVolumeClaim fairlead-fast']);
  stores.claims.set({ ...claim, metadata: metadata('fairlead-fast') });
  expect(await bring(one)).toEqual(['create Job weights-…']);
});

test('how a load is: from nothing over its pod’s words to done', async () => {
  const { bring, stores } = world();
  const one = model('one');
  const { loads } = resolvedOf(one).weights;
  const problem = () => loadStates('models', loads ?? [], stores)[0]?.problem;
  expect(problem()).toMatchObject({ reason: 'LoadingWeights', message: 'is being made' });
  await bring(one);
  expect(problem()).toMatchObject({ message: 'has no pod yet' });
  const [job] = stores.jobs.list();
  const pod = (status: object, spec: object = { nodeName: 'a' }) =>
    stores.pods.set({
      metadata: {
        ...metadata('p'),
        labels: { 'batch.kubernetes.io/job-name': job!.metadata.name },
      },
      spec: { containers: [], ...spec },
      status,
    } as unknown as Pod);
  pod(
    {
      conditions: [
        { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'no volume' },
      ],
    },
    {},
  );
  expect(problem()).toEqual({ reason: 'Unschedulable', message: 'no volume' });
  const isReady = { type: 'Ready', status: 'True' };
  const running = { name: 'weights', ready: true, state: { running: {} } };
  pod({ phase: 'Running', conditions: [isReady], containerStatuses: [running] });
  expect(problem()).toEqual({
    reason: 'LoadingWeights',
    message: 'loads its weights: 41 %, 4.1 GB of 10.0 GB',
  });
  const failed = { terminated: { exitCode: 1, message: 'HTTP 404 for https://h.example/a' } };
  pod({ phase: 'Running', containerStatuses: [{ ...running, lastState: failed }] });
  expect(problem()).toEqual({
    reason: 'WeightsFailed',
    message: 'HTTP 404 for https://h.example/a',
  });
  stores.jobs.set({
    ...job!,
    status: { conditions: [{ type: 'Complete', status: 'True' }] },
  } as Job);
  expect(problem()).toBeUndefined();
});
