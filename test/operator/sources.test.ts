import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ggufAdapter } from '../support/gguf-adapter.ts';
import { waitUntil } from '../support/wait-until.ts';
import { skiff, useCluster } from './cluster.ts';
import { startHub } from './hub.ts';
import { type OperatorProcess, startOperator } from './operator-process.ts';
import { claim, secret, volume } from './volumes.ts';

const models = join(import.meta.dirname, '../models');
const cluster = useCluster('operator-sources', ['fairlead']);
let operator: OperatorProcess;

beforeAll(async () => {
  const image = cluster.image('fairlead');
  // What the hub has: the Skiff model, an adapter for it, and half of one. It goes with the cluster.
  const files = join(dirname(cluster.kubeconfigPath()), 'files');
  await mkdir(join(files, 'org/law'), { recursive: true });
  await copyFile(join(models, 'skiff/tiny-chat.gguf'), join(files, 'tiny-chat.gguf'));
  await writeFile(join(files, 'org/law/law.gguf'), ggufAdapter(1));
  await writeFile(join(files, 'org/law/half.gguf'), ggufAdapter(1).subarray(0, 2_000));
  const hub = await startHub(cluster.kubectl(), image, files);
  operator = await startOperator(cluster.kubeconfigPath(), {
    FAIRLEAD_LOADER_IMAGE: image,
    FAIRLEAD_HUB_ENDPOINT: hub,
    FAIRLEAD_HOST_PATHS: models,
  });
  await cluster.kubectl().apply(volume('skiff', join(models, 'skiff'), 'ReadOnlyMany'));
  await cluster.kubectl().apply(claim('skiff', 'ReadOnlyMany'));
  await cluster.kubectl().apply(secret('token', { HF_TOKEN: 'right' }));
});
afterAll(async () => {
  await operator?.stop();
});

test.each([
  ['a claim', 'from-claim', { uri: 'pvc://skiff/tiny-chat.gguf' }],
  ['a path of the node', 'from-path', { uri: `hostpath://${models}/skiff/tiny-chat.gguf` }],
  ['a hub that cuts', 'from-hub', { uri: 'hf://org/skiff/tiny-chat.gguf?revision=v1' }],
  [
    'a gated model of a hub, with a token',
    'from-gated',
    { uri: 'hf://org/gated/tiny-chat.gguf', secretName: 'token' },
  ],
])('weights come from %s', async (_case, name, source) => {
  await cluster.kubectl().apply(skiff(name, { source }));
  await cluster.condition(name, 'Ready', 'True', 'Ready');
  await cluster.condition(name, 'WeightsReady', 'True', 'WeightsReady');
  await cluster.kubectl().run(['delete', 'mdep', name, '--wait=false']);
});

test.each<[string, string, object, string, string, RegExp]>([
  [
    'a gated model without a token',
    'gated',
    { uri: 'hf://org/gated/tiny-chat.gguf' },
    'WeightsReady',
    'WeightsFailed',
    /Replica gated-\w+-0: HTTP 401: http:\/\/hub\.default\.svc:8000\/org\/gated is gated: accept its licence on the hub and give the token/,
  ],
  [
    'a model that does not exist',
    'no-model',
    { uri: 'hf://org/nothing/a.gguf' },
    'Ready',
    'WeightsFailed',
    /org\/nothing does not exist, or is private/,
  ],
  [
    'a file that the model does not have, with those that it has',
    'no-file',
    { uri: 'hf://org/skiff/a.gguf' },
    'Available',
    'WeightsFailed',
    /org\/skiff at main has no a\.gguf; it has tiny-chat\.gguf/,
  ],
  [
    'a Secret that does not exist',
    'no-secret',
    { uri: 'hf://org/skiff/tiny-chat.gguf', secretName: 'absent' },
    'Ready',
    'ConfigMissing',
    /Replica no-secret-\w+-0: secret "absent" not found\. Create what the message names/,
  ],
  [
    'a claim that does not exist',
    'no-claim',
    { uri: 'pvc://absent/tiny-chat.gguf' },
    'Ready',
    'Unschedulable',
    /persistentvolumeclaim "absent" not found/,
  ],
  [
    'a file that no engine can read',
    'corrupt',
    { uri: `hostpath://${models}/skiff/README.md` },
    'Ready',
    'EngineCrashed',
    /invalid magic|failed to load model/,
  ],
  [
    'a path of the node that is not allowed',
    'no-path',
    { uri: 'hostpath:///etc/model.gguf' },
    'Ready',
    'SourceRefused',
    /\/etc\/model\.gguf is not below a folder/,
  ],
])('%s: the status says why', async (_case, name, source, type, reason, says) => {
  await cluster.kubectl().apply(skiff(name, { source }));
  expect(await cluster.condition(name, type, 'False', reason)).toMatch(says);
  await cluster.kubectl().run(['delete', 'mdep', name, '--wait=false']);
});

test('llama.cpp has its adapters from its start, and a changed list replaces its pods', async () => {
  const law = { name: 'law', source: { uri: 'hf://org/law/law.gguf' } };
  const med = { name: 'med', source: { uri: 'hf://org/law/law.gguf?revision=v2' } };
  await cluster.kubectl().apply(skiff('adapted', { adapters: [law] }));
  await cluster.condition('adapted', 'Ready', 'True', 'Ready');
  await cluster.condition('adapted', 'AdaptersReady', 'True', 'AdaptersLoaded');
  const [before] = await cluster.pods('adapted');
  await cluster.kubectl().apply(skiff('adapted', { adapters: [law, med] }));
  await waitUntil('both are there', async () => {
    const { status } = await cluster.model('adapted');
    return status?.adapters?.every(({ loadedReplicas }) => loadedReplicas === 1) &&
      status.adapters.length === 2
      ? true
      : undefined;
  });
  await cluster.condition('adapted', 'Ready', 'True', 'Ready');
  const [after] = (await cluster.pods('adapted')).filter(
    ({ metadata }) => metadata.deletionTimestamp === undefined,
  );
  expect(after?.metadata.uid).not.toBe(before?.metadata.uid);
  const proxy = `/api/v1/namespaces/default/pods/${after?.metadata.name}:8080/proxy/lora-adapters`;
  const loaded: object[] = JSON.parse(await cluster.kubectl().run(['get', '--raw', proxy]));
  expect(loaded).toMatchObject([
    { id: 0, path: '/adapters/law/law.gguf', scale: 0 },
    { id: 1, path: '/adapters/med/law.gguf', scale: 0 },
  ]);
  const broken = { name: 'law', source: { uri: 'hf://org/law/half.gguf' } };
  await cluster.kubectl().apply(skiff('adapted', { adapters: [broken] }));
  const message = await cluster.condition('adapted', 'Ready', 'False', 'EngineCrashed');
  expect(message).toMatch(/lora adapter/);
  await cluster.kubectl().run(['delete', 'mdep', 'adapted', '--wait=false']);
});

test('mounted weights that cannot fit the accelerator are refused with numbers', async () => {
  await cluster.kubectl().apply({
    apiVersion: 'fairlead.dev/v1alpha1',
    kind: 'AcceleratorProfile',
    metadata: { name: 'small-gpu' },
    spec: { resourceName: 'example.com/gpu', memoryGiB: 1 },
  });
  const spec = {
    engine: { type: 'vLLM', image: cluster.image('fairlead'), contextLength: 1_000_000 },
    source: { uri: `hostpath://${models}/skiff/tiny-chat-hf` },
    accelerator: { profile: 'small-gpu' },
  };
  await cluster.kubectl().apply(skiff('too-large', spec));
  const message = await cluster.condition('too-large', 'WeightsReady', 'False', 'WeightsFailed');
  expect(message).toMatch(
    /0\.0 GiB of weights and 2\.4 GiB of cache for a request of 1000000 tokens do not fit into 0\.9 GiB \(90 % of 1 × 1 GiB\): lower spec\.engine\.contextLength/,
  );
  await cluster.kubectl().run(['delete', 'mdep', 'too-large', '--wait=false']);
});

test('a pod template brings a sidecar, a label and a volume; what Fairlead needs is refused', async () => {
  const sidecar = {
    name: 'side',
    image: cluster.image('fairlead'),
    command: ['node', '-e', 'setInterval(() => {}, 1e6)'],
  };
  const engine = {
    name: 'engine',
    volumeMounts: [{ name: 'mine', mountPath: '/mine' }],
  };
  const podTemplate = {
    metadata: { labels: { team: 'a' } },
    spec: { volumes: [{ name: 'mine', emptyDir: {} }], containers: [engine, sidecar] },
  };
  await cluster.kubectl().apply(skiff('templated', { podTemplate }));
  await cluster.condition('templated', 'Ready', 'True', 'Ready');
  const [pod] = await cluster.pods('templated');
  expect(pod?.metadata.labels.team).toBe('a');
  const wrong = { spec: { containers: [{ name: 'engine', image: 'x' }] } };
  await cluster.kubectl().apply(skiff('templated', { podTemplate: wrong }));
  const message = await cluster.condition('templated', 'Ready', 'False', 'PodTemplateRefused');
  expect(message).toContain('containers[engine].image is refused. Use spec.engine.image');
  await cluster.condition('templated', 'Available', 'True', 'ReplicasReady');
});

test('devices by class: the claim template is written once, and the scheduler’s words are told', async () => {
  const { kubectl } = cluster;
  await kubectl().apply({
    apiVersion: 'fairlead.dev/v1alpha1',
    kind: 'AcceleratorProfile',
    metadata: { name: 'dra' },
    spec: { deviceClassName: 'gpu.example.com' },
  });
  await kubectl().apply(skiff('claimed', { accelerator: { profile: 'dra', count: 2 } }));
  await cluster.condition('claimed', 'Ready', 'False', 'Unschedulable');
  interface Template {
    metadata: { name: string; ownerReferences: { kind: string; name: string }[] };
    spec: { spec: { devices: { requests: object[] } } };
  }
  const templates = async () =>
    (await kubectl().getJson<{ items: Template[] }>('resourceclaimtemplates')).items;
  const [template] = await templates();
  expect(template?.spec.spec.devices.requests).toMatchObject([
    { exactly: { deviceClassName: 'gpu.example.com', count: 2 } },
  ]);
  expect(template?.metadata.ownerReferences).toMatchObject([
    { kind: 'ModelDeployment', name: 'claimed' },
  ]);
  await kubectl().run(['scale', 'mdep/claimed', '--replicas=2']);
  await waitUntil('the second replica is there', async () =>
    (await cluster.pods('claimed')).length === 2 ? true : undefined,
  );
  expect(await templates()).toHaveLength(1);
  await kubectl().run(['delete', 'mdep', 'claimed']);
  await waitUntil('the template goes with its owner', async () =>
    (await templates()).length === 0 ? true : undefined,
  );
});
