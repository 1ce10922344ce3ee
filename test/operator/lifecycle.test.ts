import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitUntil } from '../support/wait-until.ts';
import { type ModelObject, type ModelPod, skiff, useCluster } from './cluster.ts';
import { type OperatorProcess, startOperator } from './operator-process.ts';

const cluster = useCluster('operator-life');
const { pods, model, condition } = cluster;
let operator: OperatorProcess;
/** How long nothing may be written; `make soak-rollout` waits five minutes. */
const restMs = Number(process.env.FAIRLEAD_REST_SECONDS ?? 10) * 1_000;

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

test.each([
  ['with a surge, all of them always serve', 'surging', 1, 3],
  ['in place, never fewer than all but one serve', 'rolled', 0, 2],
])(
  'a change of the spec replaces the replicas one by one; %s',
  async (_case, name, maxSurge, least) => {
    const spec = { replicas: 3, rollout: { maxSurge } };
    await cluster.kubectl().apply(skiff(name, spec));
    await ready(name);
    const before = await live(name);
    const revision = (await model(name)).status?.currentRevision;

    // What the operator leaves serving; whether a busy machine answers every probe is not its doing.
    const wereReady = new Set(uids(before));
    let fewest = 3;
    let over = false;
    const watching = (async () => {
      while (!over) {
        const left = (await live(name)).filter(
          ({ metadata }) => metadata.annotations?.['fairlead.dev/draining'] === undefined,
        );
        for (const { metadata } of left.filter(isReady)) wereReady.add(metadata.uid);
        fewest = Math.min(
          fewest,
          left.filter(({ metadata }) => wereReady.has(metadata.uid)).length,
        );
      }
    })();
    const engine = { type: 'LlamaCpp', maxConcurrency: 2 };
    await cluster.kubectl().apply(skiff(name, { ...spec, engine }));
    await waitUntil('the new revision is rolled out', async () => {
      const { status } = await model(name);
      return status?.currentRevision !== revision && status?.readyReplicas === 3 ? true : undefined;
    });
    over = true;
    await watching;
    await ready(name);

    expect(fewest).toBeGreaterThanOrEqual(least);
    const after = await live(name);
    expect(after).toHaveLength(3);
    const { currentRevision, updateRevision, updatedReplicas } = (await model(name)).status ?? {};
    expect(after.map(({ metadata }) => metadata.labels['fairlead.dev/revision'])).toEqual(
      Array(3).fill(currentRevision),
    );
    expect({ updateRevision, updatedReplicas }).toEqual({
      updateRevision: currentRevision,
      updatedReplicas: 3,
    });
    for (const uid of uids(after)) expect(uids(before)).not.toContain(uid);
  },
);

test.each([
  ['in place it costs one replica at most', 'broken', 0, 1],
  ['with a surge it costs none', 'spared', 1, 2],
])(
  'a broken change is stopped, and going back heals at once; %s',
  async (_case, name, maxSurge, left) => {
    const rollout = { maxSurge };
    await cluster.kubectl().apply(skiff(name, { replicas: 2, rollout }));
    await ready(name);
    const before = uids(await live(name));
    const engine = { type: 'LlamaCpp', args: ['--nonsense'] };
    const broken = { replicas: 2, rollout: { maxSurge, startTimeout: '15s' }, engine };
    await cluster.kubectl().apply(skiff(name, broken));
    await condition(name, 'Ready', 'False', 'EngineCrashed');
    await condition(name, 'Available', 'True', 'ReplicasReady');
    const message = await condition(name, 'Stalled', 'True', 'ProgressDeadlineExceeded');
    expect(message).toContain('invalid argument: --nonsense');
    await condition(name, 'Progressing', 'False', 'ProgressDeadlineExceeded');
    const kept = uids((await live(name)).filter(isReady));
    expect(kept).toHaveLength(left);
    for (const uid of kept) expect(before).toContain(uid);
    await cluster.kubectl().apply(skiff(name, { replicas: 2, rollout }));
    await ready(name);
    for (const uid of kept) expect(uids(await live(name))).toContain(uid);
    await condition(name, 'Stalled', 'False', 'NotStalled');
  },
);

test('while it is paused nothing is done, and then everything', async () => {
  await cluster.kubectl().apply(skiff('paused', { paused: true }));
  await condition('paused', 'Progressing', 'Unknown', 'Paused');
  expect(await pods('paused')).toEqual([]);
  await cluster.kubectl().apply(skiff('paused'));
  await ready('paused');
  const before = uids(await live('paused'));
  const engine = { type: 'LlamaCpp', maxConcurrency: 2 };
  await cluster.kubectl().apply(skiff('paused', { paused: true, engine }));
  await condition('paused', 'Ready', 'False', 'Paused');
  expect(uids(await pods('paused'))).toEqual(before);
  await cluster.kubectl().run(['delete', 'mdep', 'paused']);
  await waitUntil('no pod is left', async () =>
    (await pods('paused')).length === 0 ? true : undefined,
  );
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
  // And this is told when the replica has served for a while.
  await waitUntil('its cold start is told', async () => {
    const { status } = await model('quiet');
    return status?.lastColdStart;
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

test('fifty models at rest cause no write', async () => {
  const names = Array.from({ length: 50 }, (_, index) => `idle-${index}`);
  // No node has so many: their pods wait, and cost the test's machine nothing.
  const accelerator = { profile: 'fake-gpu', count: 64 };
  await cluster.kubectl().apply(...names.map((name) => skiff(name, { replicas: 2, accelerator })));
  await waitUntil('all fifty wait for a node', async () => {
    const { items } = await cluster.kubectl().getJson<{ items: ModelObject[] }>('mdep');
    const waiting = items.filter(
      ({ metadata, status }) =>
        names.includes(metadata.name) &&
        status?.conditions.some(
          ({ type, reason }) => type === 'Ready' && reason === 'Unschedulable',
        ),
    );
    return waiting.length === names.length ? true : undefined;
  });
  const written = () => cluster.operatorWrites().filter((write) => write.includes('idle-')).length;
  let before = written();
  await waitUntil('the last Event is written', async () => {
    await delay(2_000);
    const now = written();
    const isQuiet = now === before;
    before = now;
    return isQuiet ? true : undefined;
  });
  expect(before).toBeGreaterThan(100);
  await delay(restMs);
  expect(written()).toBe(before);
  await cluster.kubectl().run(['delete', 'mdep', ...names, '--wait=false']);
});

test('another operator, with another default image, restarts nothing and makes lost pods as they were', async () => {
  await cluster.kubectl().apply(skiff('kept', { replicas: 2 }));
  await ready('kept');
  const before = uids(await live('kept'));
  const image = (pod: ModelPod) => pod.spec.containers[0]?.image;
  const [first] = await live('kept');
  expect(await operator.stop()).toBe(0);
  operator = await startOperator(cluster.kubeconfigPath(), {
    FAIRLEAD_ENGINE_IMAGES: JSON.stringify({ LlamaCpp: 'local.test/llama-server:2' }),
  });
  await waitUntil('it leads', () => (operator.logged('leading') ? true : undefined));
  await cluster.kubectl().run(['delete', 'pod', first!.metadata.name, '--wait=false']);
  await waitUntil('it has replaced the deleted one', async () => {
    const now = (await live('kept')).filter(isReady);
    return now.length === 2 ? true : undefined;
  });
  const after = await live('kept');
  expect(before.filter((uid) => uids(after).includes(uid))).toHaveLength(1);
  expect(after.map(image)).toEqual([image(first!), image(first!)]);
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
