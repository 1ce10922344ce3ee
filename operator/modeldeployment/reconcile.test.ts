import { beforeEach, expect, test } from 'vitest';
import { drainingAnnotation, revisionLabel } from '../../crds/labels.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import type { KubeClient } from '../../kube/client.ts';
import { type Intent, type KubeObject, keyOf, type ResourceType } from '../../kube/object.ts';
import type { ControllerRevision, Job, PersistentVolumeClaim, Pod } from '../../kube/resources.ts';
import { createStore } from '../../kube/store.ts';
import { jobIndexes } from '../cache/state.ts';
import { createCanaries } from '../canary/step.ts';
import { modelDeployment, nowMs } from '../testing/fixtures.ts';
import { modelDeploymentIndexes, ownedIndexes, podIndexes } from './indexes.ts';
import { createReconciler } from './reconcile.ts';

/** An operator whose cache learns of what it wrote only by `see`. */
function operator(inFlight: Map<string, number> = new Map()) {
  const modelDeployments = createStore<ModelDeployment>(modelDeploymentIndexes);
  const pods = createStore<Pod>(podIndexes);
  const revisions = createStore<ControllerRevision>(ownedIndexes);
  const claims = createStore<PersistentVolumeClaim>();
  const jobs = createStore<Job>(jobIndexes);
  const writes: string[] = [];
  const made: KubeObject[] = [];
  const client = {
    async create<T extends KubeObject>({ kind }: ResourceType<T>, intent: Intent<T>) {
      writes.push(`create ${kind} ${intent.metadata.name}`);
      const { name } = intent.metadata;
      const metadata = { uid: `uid-${name}`, creationTimestamp: '2026-11-21T11:59:00Z' };
      const object = { kind, ...intent, metadata: { ...metadata, ...intent.metadata } };
      made.push(object as unknown as KubeObject);
      return object;
    },
    async patch({ kind }: ResourceType, { name }: { name: string }) {
      writes.push(`patch ${kind} ${name}`);
    },
    async delete({ kind }: ResourceType, { name }: { name: string }) {
      writes.push(`delete ${kind} ${name}`);
    },
    apply: async () => {},
  } as unknown as KubeClient;
  const reconciler = createReconciler({
    client,
    events: { record() {}, flush: async () => {} },
    modelDeployments,
    claimants: [modelDeployments],
    profiles: createStore(),
    pods,
    revisions,
    loads: {
      claims,
      jobs,
      pods,
      progressOf: () => undefined,
    },
    demand: { inFlight: (uid) => inFlight.get(uid) ?? 0, isDrained: () => false },
    coldStarts: { lastOf: () => undefined },
    canaries: createCanaries(),
    agents: { heard: () => undefined, stop() {} },
    scaling: { verdictOf: () => undefined },
    prober: { look: ({ known }) => known, forget() {} },
    settings: {
      engineImages: { accelerated: {}, cpu: { LlamaCpp: 'llama:1' } },
      hostPaths: [],
      loader: { image: 'fairlead:1', hubEndpoint: undefined },
      imageVolumes: true,
      cacheClasses: {},
    },
    routerUrl: 'http://router/v1',
    nowMs: () => nowMs,
  });
  const reconcile = async (deployment: ModelDeployment) => {
    modelDeployments.set(deployment);
    writes.length = 0;
    const { signal } = new AbortController();
    await reconciler('models/skiff', { signal });
    return [...writes];
  };
  const see = () => {
    for (const object of made.splice(0)) {
      const ready = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
      if (object.kind === 'Pod') pods.set({ ...(object as Pod), status: ready } as Pod);
      else if (object.kind === 'Job') jobs.set(object as Job);
      else revisions.set(object as ControllerRevision);
    }
  };
  return { reconcile, see, pods, modelDeployments, claims, jobs };
}

let inFlight: Map<string, number>;
beforeEach(() => {
  inFlight = new Map();
});

test('a revision is kept before its first pod is made, and made of again and again', async () => {
  const { reconcile, see, pods } = operator();
  const [revision, podMade] = await reconcile(modelDeployment());
  expect(revision).toMatch(/^create ControllerRevision skiff-[0-9a-f]{8}$/);
  expect(podMade).toBe(`${revision?.replace('ControllerRevision', 'Pod')}-0`);
  see();
  expect(await reconcile(modelDeployment())).toEqual([]);
  for (const pod of pods.list()) pods.remove(keyOf(pod));
  expect(await reconcile(modelDeployment())).toEqual([podMade]);
});

test('paused: nothing is written', async () => {
  const { reconcile } = operator();
  expect(await reconcile(modelDeployment({ paused: true }))).toEqual([]);
});

test.each<[string, object, { creationTimestamp?: string }]>([
  ['paused', { paused: true }, {}],
  ['in conflict over its name', {}, { creationTimestamp: '2026-11-21T10:00:00Z' }],
])('%s in the middle of a drain: the replica serves on', async (_case, spec, rival) => {
  const { reconcile, see, pods, modelDeployments } = operator();
  await reconcile(modelDeployment({ replicas: 2 }));
  see();
  const [drained] = await reconcile(modelDeployment({ replicas: 1 }));
  const pod = pods.list().find(({ metadata }) => drained?.endsWith(metadata.name));
  const annotations = { [drainingAnnotation]: '2026-11-21T12:00:00Z' };
  pods.set({ ...pod!, metadata: { ...pod!.metadata, annotations } });
  expect(await reconcile(modelDeployment({ replicas: 1 }))).toEqual([]);
  const elder = modelDeployment({ servedName: 'skiff' });
  const metadata = { ...elder.metadata, name: 'elder', uid: 'uid-elder', ...rival };
  if (rival.creationTimestamp) modelDeployments.set({ ...elder, metadata });
  expect(await reconcile(modelDeployment({ replicas: 1, ...spec }))).toEqual([drained]);
  expect(await reconcile(modelDeployment({ replicas: 1, ...spec }))).toEqual([]);
});

test('until the weights are in the cache, what there is stays at the revision before', async () => {
  const { reconcile, see, claims, jobs, pods } = operator();
  await reconcile(modelDeployment());
  see();
  const [first] = pods.list();
  const currentRevision = first?.metadata.labels?.[revisionLabel];
  const metadata = { ...first!.metadata, name: 'shared', uid: 'uid-claim' };
  claims.set({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec: {} });
  const source = { uri: 'hf://org/m/q4.gguf', cache: 'shared' };
  const status = { currentRevision } as ModelDeployment['status'];
  const moved = (replicas: number) => modelDeployment({ source, replicas }, status);

  const [job, ...rest] = await reconcile(moved(2));
  expect(job).toMatch(/^create Job weights-/);
  expect(rest.filter((write) => write.includes('Pod'))).toEqual([
    `create Pod skiff-${currentRevision}-1`,
  ]);
  see();
  expect(await reconcile(moved(2))).toEqual([]);
  const [made] = jobs.list();
  jobs.set({ ...made!, status: { conditions: [{ type: 'Complete', status: 'True' }] } } as Job);
  const [next] = await reconcile(moved(2));
  expect(next).toMatch(/^create Pod skiff-[0-9a-f]{8}-2$/);
  expect(next).not.toContain(currentRevision);
});

test('on a cache that is behind, one replica goes and not a second in its place', async () => {
  const { reconcile, see, pods } = operator(inFlight);
  await reconcile(modelDeployment({ replicas: 3 }));
  see();
  const names = pods.list().map(({ metadata }) => metadata.name);
  inFlight.set(`uid-${names[1]}`, 5).set(`uid-${names[2]}`, 5);
  expect(await reconcile(modelDeployment({ replicas: 2 }))).toEqual([`patch Pod ${names[0]}`]);
  // By now another one would be the first to go.
  inFlight.set(`uid-${names[0]}`, 9);
  expect(await reconcile(modelDeployment({ replicas: 2 }))).toEqual([]);
});
