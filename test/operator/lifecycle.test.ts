import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitUntil } from '../support/wait-until.ts';
import { type ModelPod, skiff, useCluster } from './cluster.ts';
import { type OperatorProcess, startOperator } from './operator-process.ts';

const cluster = useCluster('operator-life');
const { pods, model, condition } = cluster;
let operator: OperatorProcess;

beforeAll(async () => {
  operator = await startOperator(cluster.kubeconfigPath());
});
afterAll(async () => {
  await operator?.stop();
});

const live = async (name: string) =>
  (await pods(name)).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
const uids = (of: readonly ModelPod[]) => of.map(({ metadata }) => metadata.uid).sort();
const isReady = ({ status, metadata }: ModelPod) =>
  metadata.deletionTimestamp === undefined &&
  status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;
const ready = (name: string) => condition(name, 'Ready', 'True', 'Ready');

test('a change of the spec replaces the replicas one by one and never leaves fewer than all but one', async () => {
  await cluster.kubectl().apply(skiff('rolled', { replicas: 3 }));
  await ready('rolled');
  const before = await live('rolled');
  const revision = (await model('rolled')).status?.currentRevision;

  let fewest = 3;
  let over = false;
  const watching = (async () => {
    while (!over) {
      const serving = (await pods('rolled')).filter(isReady).length;
      fewest = Math.min(fewest, serving);
    }
  })();
  const engine = { type: 'LlamaCpp', maxConcurrency: 2 };
  await cluster.kubectl().apply(skiff('rolled', { replicas: 3, engine }));
  await waitUntil('the new revision is rolled out', async () => {
    const { status } = await model('rolled');
    return status?.currentRevision !== revision && status?.readyReplicas === 3 ? true : undefined;
  });
  over = true;
  await watching;
  await ready('rolled');

  expect(fewest).toBeGreaterThanOrEqual(2);
  const after = await live('rolled');
  expect(after).toHaveLength(3);
  const { currentRevision, updateRevision, updatedReplicas } = (await model('rolled')).status ?? {};
  expect(after.map(({ metadata }) => metadata.labels['fairlead.dev/revision'])).toEqual(
    Array(3).fill(currentRevision),
  );
  expect({ updateRevision, updatedReplicas }).toEqual({
    updateRevision: currentRevision,
    updatedReplicas: 3,
  });
  for (const uid of uids(after)) expect(uids(before)).not.toContain(uid);
});

test('a broken change costs one replica at most, and going back heals at once', async () => {
  await cluster.kubectl().apply(skiff('broken', { replicas: 2 }));
  await ready('broken');
  const before = uids(await live('broken'));
  const engine = { type: 'LlamaCpp', args: ['--nonsense'] };
  await cluster.kubectl().apply(skiff('broken', { replicas: 2, engine }));
  await condition('broken', 'Ready', 'False', 'EngineCrashed');
  await condition('broken', 'Available', 'True', 'ReplicasReady');
  const kept = uids((await live('broken')).filter(isReady));
  expect(kept).toHaveLength(1);
  expect(before).toContain(kept[0]);
  await cluster.kubectl().apply(skiff('broken', { replicas: 2 }));
  await ready('broken');
  expect(uids(await live('broken'))).toContain(kept[0]);
});

test('scaling down takes the replica without node before one that serves', async () => {
  const spec = { accelerator: { profile: 'fake-gpu', count: 2 } };
  await cluster.kubectl().apply(skiff('scarce', { ...spec, replicas: 3 }));
  const message = await condition('scarce', 'Scheduled', 'False', 'Unschedulable');
  await waitUntil('two serve', async () =>
    (await model('scarce')).status?.readyReplicas === 2 ? true : undefined,
  );
  const serving = (await live('scarce')).filter(isReady);
  const waiting = (await live('scarce')).find(({ spec: { nodeName } }) => nodeName === undefined);
  expect(message).toContain(waiting?.metadata.name);
  await cluster.kubectl().run(['scale', 'mdep/scarce', '--replicas=2']);
  await ready('scarce');
  expect(uids(await live('scarce'))).toEqual(uids(serving));
  await cluster.kubectl().run(['scale', 'mdep/scarce', '--replicas=0']);
  await condition('scarce', 'Ready', 'True', 'ScaledToZero');
});

test('a pod that its node gave up is replaced, first at once and then after a pause', async () => {
  await cluster
    .kubectl()
    .apply(skiff('evicted', { accelerator: { profile: 'fake-gpu', count: 64 } }));
  await condition('evicted', 'Ready', 'False', 'Unschedulable');
  const fail = async () => {
    const [pod] = await live('evicted');
    const status = { phase: 'Failed', reason: 'Evicted', message: 'The node was low on memory.' };
    await cluster
      .kubectl()
      .run([
        'patch',
        'pod',
        pod!.metadata.name,
        '--subresource=status',
        '-p',
        JSON.stringify({ status }),
      ]);
    return pod!.metadata.uid;
  };
  const first = await fail();
  await waitUntil('it is replaced', async () => {
    const now = await pods('evicted');
    return now.length === 1 && now[0]?.metadata.uid !== first ? true : undefined;
  });
  const second = await fail();
  const message = await condition('evicted', 'Ready', 'False', 'PodFailed');
  expect(message).toContain('Evicted: The node was low on memory');
  expect(uids(await pods('evicted'))).toEqual([second]);
});

test('what is unchanged is not written, whatever is reconciled', async () => {
  await cluster.kubectl().apply(skiff('quiet', { accelerator: { profile: 'fake-gpu' } }));
  await ready('quiet');
  // Events are sent beside the reconcile; this is the last one.
  await waitUntil('its Event is written', async () => {
    const selector = 'involvedObject.name=quiet,reason=Ready';
    const told = await cluster.kubectl().run(['get', 'events', '--field-selector', selector]);
    return told.includes('quiet') ? true : undefined;
  });
  const touch = (value: number) =>
    cluster
      .kubectl()
      .run(['annotate', 'mdep', 'quiet', '--overwrite', `example.com/touched=${value}`]);
  const written = () => cluster.operatorWrites().filter((write) => write.includes('quiet'));
  const before = written();
  expect(before.length).toBeGreaterThan(1);
  for (const value of [1, 2, 3]) await touch(value);
  // A change that must be answered shows that what came before it has been reconciled.
  await cluster.kubectl().apply(skiff('sentinel'));
  await ready('sentinel');
  expect(written()).toEqual(before);
});

test('another operator, with another default image, restarts nothing', async () => {
  await cluster.kubectl().apply(skiff('kept', { replicas: 2 }));
  await ready('kept');
  const before = uids(await live('kept'));
  expect(await operator.stop()).toBe(0);
  operator = await startOperator(cluster.kubeconfigPath(), {
    FAIRLEAD_ENGINE_IMAGES: '{"LlamaCpp": "local.test/llama-server:2"}',
  });
  await waitUntil('it leads', () => (operator.logged('leading') ? true : undefined));
  await cluster.kubectl().run(['scale', 'mdep/kept', '--replicas=1']);
  await waitUntil('it has worked', async () =>
    (await live('kept')).length === 1 ? true : undefined,
  );
  expect(before).toContain(uids(await live('kept'))[0]);
  await operator.stop();
  operator = await startOperator(cluster.kubeconfigPath());
});

test('a standby takes over from one that stops, and from one that is killed', async () => {
  const next = await startOperator(cluster.kubeconfigPath());
  expect(next.logged('leading')).toBe(false);
  const stoppedAt = performance.now();
  expect(await operator.stop()).toBe(0);
  await waitUntil('the standby leads', () => (next.logged('leading') ? true : undefined));
  const leaseMs = 15_000;
  expect(performance.now() - stoppedAt).toBeLessThan(leaseMs);

  operator = await startOperator(cluster.kubeconfigPath());
  await next.kill();
  await waitUntil('the other leads', () => (operator.logged('leading') ? true : undefined));
  await cluster.kubectl().apply(skiff('successor'));
  await ready('successor');
});

test('deleting a ModelDeployment takes its pods along', async () => {
  await cluster.kubectl().apply(skiff('gone'));
  await ready('gone');
  await cluster.kubectl().run(['delete', 'mdep', 'gone']);
  await waitUntil('no pod is left', async () =>
    (await pods('gone')).length === 0 ? true : undefined,
  );
});
