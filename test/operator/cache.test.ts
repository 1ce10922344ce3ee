import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clusterFaults } from '../../hack/cluster/local/faults.ts';
import { waitUntil } from '../support/wait-until.ts';
import { skiff, useCluster } from './cluster.ts';
import { startHub } from './hub.ts';
import { type OperatorProcess, startOperator } from './operator-process.ts';
import { claim, secret, volume } from './volumes.ts';

const name = 'operator-cache';
const cluster = useCluster(name, ['fairlead']);
let operator: OperatorProcess;
let folder: string;

beforeAll(async () => {
  const image = cluster.image('fairlead');
  const { kubectl } = cluster;
  const hub = await startHub(kubectl(), image, join(import.meta.dirname, '../models/skiff'));
  const variables = {
    FAIRLEAD_LOADER_IMAGE: image,
    FAIRLEAD_HUB_ENDPOINT: hub,
    FAIRLEAD_CACHE_CLASSES: '{"fast": {"storageClassName": "manual", "size": "1Gi"}}',
  };
  const { initPid } = await clusterFaults(name);
  operator = await startOperator(cluster.kubeconfigPath(), variables, initPid());
  folder = await mkdtemp(join(tmpdir(), 'fairlead-cache-'));
  // A volume that is a folder of the node takes no owner from the pod.
  await chmod(folder, 0o777);
  await kubectl().apply(
    volume('shared', folder, 'ReadWriteMany'),
    volume('any', folder, 'ReadWriteMany', 'manual'),
    claim('shared', 'ReadWriteMany'),
    secret('token', { HF_TOKEN: 'right' }),
  );
});
afterAll(async () => {
  await operator?.stop();
  await rm(folder, { recursive: true, force: true });
});

interface JobObject {
  metadata: { name: string; ownerReferences: { name: string }[] };
}
const jobs = async () => (await cluster.kubectl().getJson<{ items: JobObject[] }>('jobs')).items;
/** What the hub was asked for of a model's weights. */
const asked = async (model: string) =>
  (await cluster.kubectl().run(['logs', 'hub']))
    .split('\n')
    .filter((line) => line.startsWith(model));

test('weights are loaded once, go on after a cut, and are there for every replica of every model', async () => {
  const { kubectl } = cluster;
  const source = { uri: 'hf://org/stuck/tiny-chat.gguf', cache: 'shared' };
  await kubectl().apply(skiff('first', { source }));
  await waitUntil('the status tells how far the load is', async () => {
    const message = await cluster.condition('first', 'WeightsReady', 'Unknown', 'LoadingWeights');
    return /^Job weights-\w+: loads its weights: \d\d %, .* of .* MB\.$/.test(message) || undefined;
  });
  expect(await cluster.pods('first')).toEqual([]);

  const [job] = await jobs();
  const selector = `batch.kubernetes.io/job-name=${job?.metadata.name}`;
  await kubectl().run(['delete', 'pod', '-l', selector]);
  await cluster.condition('first', 'Ready', 'True', 'Ready');
  const requests = await asked('org/stuck');
  expect(requests).toEqual([
    'org/stuck tiny-chat.gguf from 0',
    expect.stringMatching(/^org\/stuck tiny-chat\.gguf from [1-9]\d+$/),
  ]);

  await kubectl().run(['scale', 'mdep/first', '--replicas=2']);
  await kubectl().apply(skiff('second', { source }));
  await cluster.condition('second', 'Ready', 'True', 'Ready');
  await waitUntil('both replicas of the first', async () =>
    (await cluster.model('first')).status?.readyReplicas === 2 ? true : undefined,
  );
  expect(await asked('org/stuck')).toEqual(requests);
  expect(
    (await jobs()).map(({ metadata }) => metadata.ownerReferences.map((one) => one.name)),
  ).toEqual([['first', 'second']]);

  await kubectl().run(['delete', 'mdep', 'first', 'second']);
  await waitUntil('the Job goes with the last model that wants it', async () =>
    (await jobs()).length === 0 ? true : undefined,
  );
  expect(await readdir(folder)).toHaveLength(1);
});

test('a load that fails says why, and heals when the mistake is mended', async () => {
  const source = { uri: 'hf://org/gated/tiny-chat.gguf', cache: 'shared' };
  await cluster.kubectl().apply(skiff('gated', { source }));
  const message = await cluster.condition('gated', 'WeightsReady', 'False', 'WeightsFailed');
  expect(message).toMatch(/^Job weights-\w+: HTTP 401: .*org\/gated is gated: accept its licence/);
  await cluster.condition('gated', 'Ready', 'False', 'WeightsFailed');
  await cluster.kubectl().apply(skiff('gated', { source: { ...source, secretName: 'token' } }));
  await cluster.condition('gated', 'Ready', 'True', 'Ready');
});

test('a new source of a model that serves is loaded while the old one serves', async () => {
  const { kubectl } = cluster;
  await kubectl().apply(skiff('moved'));
  await cluster.condition('moved', 'Ready', 'True', 'Ready');
  const source = { uri: 'hf://org/nothing/a.gguf', cache: 'shared' };
  await kubectl().apply(skiff('moved', { source }));
  const message = await cluster.condition('moved', 'Ready', 'False', 'WeightsFailed');
  expect(message).toContain('org/nothing does not exist');
  await kubectl().run(['scale', 'mdep/moved', '--replicas=2']);
  await waitUntil('it is scaled at the revision before', async () => {
    const { status } = await cluster.model('moved');
    return status?.readyReplicas === 2 && status.updatedReplicas === 0 ? true : undefined;
  });
  await kubectl().run(['delete', 'mdep', 'moved']);
});

test('a cache class has a claim made; a cache that is neither is a mistake until it is made', async () => {
  const { kubectl } = cluster;
  const uri = 'hf://org/skiff/tiny-chat.gguf';
  await kubectl().apply(skiff('classed', { source: { uri, cache: 'fast' } }));
  await cluster.condition('classed', 'Ready', 'True', 'Ready');
  const bound = 'jsonpath={.status.phase}';
  expect(await kubectl().run(['get', 'pvc', 'fairlead-fast', '-o', bound])).toBe('Bound');

  await kubectl().apply(skiff('absent', { source: { uri, cache: 'absent' } }));
  const message = await cluster.condition('absent', 'Ready', 'False', 'CacheNotFound');
  expect(message).toContain('no PersistentVolumeClaim "absent"');
  await kubectl().apply(
    volume('absent', folder, 'ReadWriteMany'),
    claim('absent', 'ReadWriteMany'),
  );
  await cluster.condition('absent', 'Ready', 'True', 'Ready');
});
