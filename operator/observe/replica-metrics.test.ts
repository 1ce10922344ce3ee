import { expect, test } from 'vitest';
import type { AcceleratorProfile } from '../../crds/acceleratorprofile.ts';
import { drainingAnnotation, modelDeploymentLabel } from '../../crds/labels.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import type { Handler } from '../../kube/reflector.ts';
import type { Pod } from '../../kube/resources.ts';
import { createStore } from '../../kube/store.ts';
import { expose } from '../../telemetry/exposition.ts';
import { createOperatorMetrics, createRegistry } from '../../telemetry/metrics.ts';
import { podIndexes } from '../modeldeployment/indexes.ts';
import { modelDeployment, now, nowMs, pod } from '../testing/fixtures.ts';
import { showReplicas } from './replica-metrics.ts';

function scene(spec: Record<string, unknown> = {}) {
  const registry = createRegistry('test', '0');
  const clock = { ms: nowMs };
  const handlers: Handler<Pod>[] = [];
  const deployments = createStore<ModelDeployment>();
  const pods = createStore<Pod>(podIndexes);
  const profiles = createStore<AcceleratorProfile>();
  deployments.set(modelDeployment({ replicas: 3, ...spec }));
  const { collect } = showReplicas(
    {
      modelDeployments: { store: deployments },
      profiles: { store: profiles },
      pods: {
        store: pods,
        addHandler: (handler) => {
          handlers.push(handler);
          return () => {};
        },
      },
    },
    createOperatorMetrics(registry),
    () => clock.ms,
  );
  return {
    ...{ clock, deployments, pods, profiles },
    remove(name: string) {
      const before = pods.remove(`models/${name}`);
      for (const handler of handlers) handler(before, undefined, 'watch');
    },
    async shown() {
      collect();
      return (await expose(registry)).body;
    },
  };
}

function replicaPod(name: string, ready: boolean, rest: Partial<Pod['metadata']> = {}): Pod {
  const conditions = [
    { type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: now },
    { type: 'PodScheduled', status: 'True', lastTransitionTime: now },
  ];
  const labels = { [modelDeploymentLabel]: 'skiff' };
  return pod({ phase: 'Running', conditions }, { name, uid: name, labels, ...rest });
}

const states = (text: string) =>
  Object.fromEntries(
    [
      ...text.matchAll(/^fairlead_model_replicas\{.*namespace="models",state="(\w+)"\} (\d+)/gm),
    ].map(([, state, count]) => [state, Number(count)]),
  );

test('each pod is in one state, and desired is what the object says', async () => {
  const { pods, shown } = scene();
  pods.set(replicaPod('a', true));
  pods.set(replicaPod('b', false));
  pods.set(replicaPod('c', true, { annotations: { [drainingAnnotation]: now } }));
  pods.set(replicaPod('d', true, { deletionTimestamp: now }));
  expect(states(await shown())).toEqual({ desired: 3, ready: 1, starting: 1, terminating: 2 });
});

test('the time of every replica on a node is counted once, to its end', async () => {
  const { clock, pods, remove, shown } = scene();
  pods.set(replicaPod('a', true));
  pods.set(replicaPod('b', true));
  const seconds = async () =>
    Number(
      /^fairlead_replica_seconds_total\{.*accelerator="cpu"\} (\S+)/m.exec(await shown())?.[1],
    );
  clock.ms += 10_000;
  expect(await seconds()).toBe(20);
  expect(await seconds()).toBe(20);
  clock.ms += 5_000;
  remove('b');
  clock.ms += 60_000;
  expect(await seconds()).toBe(20 + 5 + 65);
});

test('time before this process led is not its own to count', async () => {
  const { clock, pods, shown } = scene();
  const old = replicaPod('a', true);
  const scheduled = old.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled) scheduled.lastTransitionTime = '2026-11-21T11:00:00Z';
  pods.set(old);
  clock.ms += 7_000;
  expect(await shown()).toMatch(/^fairlead_replica_seconds_total\{.*\} 7$/m);
});

test('a replica costs what its accelerators cost on all its hosts', async () => {
  const { profiles, shown } = scene({
    accelerator: { profile: 'h200', count: 8 },
    engine: { type: 'vLLM' },
    nodes: 2,
  });
  profiles.set({
    metadata: { name: 'h200', uid: 'p', resourceVersion: '1', creationTimestamp: now },
    spec: { pricePerHour: '2.5' },
  } as unknown as AcceleratorProfile);
  expect(await shown()).toContain(
    'fairlead_replica_price_per_hour{gen_ai_request_model="skiff",namespace="models",accelerator="h200"} 40\n',
  );
});

test('the series of a model go with it', async () => {
  const { clock, deployments, pods, shown } = scene();
  pods.set(replicaPod('a', true));
  clock.ms += 1_000;
  expect(await shown()).toContain('gen_ai_request_model="skiff"');
  deployments.remove('models/skiff');
  expect(await shown()).not.toContain('gen_ai_request_model="skiff"');
});
