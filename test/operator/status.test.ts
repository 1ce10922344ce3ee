import { spawn } from 'node:child_process';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { acceleratorProfile } from '../support/models.ts';
import { waitUntil } from '../support/wait-until.ts';
import { type ModelObject, skiff, useCluster } from './cluster.ts';
import { type OperatorProcess, startOperator } from './operator-process.ts';

const cluster = useCluster('operator-status');
let operator: OperatorProcess;

beforeAll(async () => {
  operator = await startOperator(cluster.kubeconfigPath());
  await cluster.kubectl().apply(acceleratorProfile('slice', 'nvidia.com/mig-1g.10gb'));
});
afterAll(async () => {
  await operator?.stop();
});

const engine = (rest: object) => ({ engine: { type: 'LlamaCpp', ...rest } });

test.each<[string, string, object, string, RegExp[]]>([
  [
    'an image that cannot be pulled',
    'no-image',
    engine({ image: '127.0.0.1:1/nothing:1' }),
    'ImagePullFailed',
    [/Replica no-image-\w+-0: .*127\.0\.0\.1:1\/nothing:1/, /Check the image reference/],
  ],
  [
    'a model image that cannot be pulled',
    'no-model',
    { source: { uri: 'oci://127.0.0.1:1/nothing:1' } },
    'ImagePullFailed',
    [/127\.0\.0\.1:1\/nothing:1/],
  ],
  [
    'a flag that the engine does not know, in its own words',
    'bad-flag',
    engine({ args: ['--nonsense'] }),
    'EngineCrashed',
    [
      /Replica bad-flag-\w+-0: engine ended with exit code 1, saying ".*invalid argument: --nonsense"/,
    ],
  ],
  [
    'a file that is not in the model’s image',
    'no-file',
    { source: { uri: 'oci://local.test/skiff:1?file=other.gguf' } },
    'EngineCrashed',
    [/failed to load model, '\/models\/other\.gguf'/],
  ],
  [
    'a Secret that does not exist',
    'no-secret',
    engine({ env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'absent', key: 'k' } } }] }),
    'ConfigMissing',
    [/Replica no-secret-\w+-0: secret "absent" not found\. Create what the message names/],
  ],
  [
    'too little memory, with the limit',
    'no-memory',
    { resources: { limits: { memory: '12Mi' } } },
    'OutOfMemory',
    [/its limit is 12Mi/, /Raise spec\.resources\.limits\.memory/],
  ],
  [
    'no node with the accelerator, in the scheduler’s words',
    'no-gpu',
    { accelerator: { profile: 'fake-gpu', count: 64 } },
    'Unschedulable',
    [
      /Replica no-gpu-\w+-0: 0\/1 nodes are available: 1 Insufficient example\.com\/gpu\. Add nodes/,
    ],
  ],
  [
    'no node that it may go to, in the scheduler’s words',
    'no-affinity',
    { podTemplate: { spec: { nodeSelector: { 'example.com/zone': 'nowhere' } } } },
    'Unschedulable',
    [/Replica no-affinity-\w+-0: 0\/1 nodes are available: .*didn't match .*node affinity/],
  ],
  [
    'a claim for the cache that does not exist',
    'no-cache',
    { source: { uri: 'hf://org/m/q4.gguf', cache: 'absent' } },
    'CacheNotFound',
    [/spec\.source\.cache: .* no PersistentVolumeClaim "absent"/],
  ],
  [
    'a flag that Fairlead sets itself',
    'own-flag',
    engine({ args: ['--port=1'] }),
    'FlagRefused',
    [/spec\.engine\.args: --port is refused/],
  ],
  [
    'a profile that does not exist',
    'no-profile',
    { accelerator: { profile: 'ghost' } },
    'ProfileNotFound',
    [/there is no AcceleratorProfile "ghost"/],
  ],
  [
    'an accelerator that the engine cannot use in this number',
    'two-slices',
    { engine: { type: 'vLLM' }, accelerator: { profile: 'slice', count: 2 } },
    'AcceleratorRefused',
    [/spec\.accelerator\.count: .* a process sees a single MIG slice; ask for 1/],
  ],
  [
    'an engine that no image is known for',
    'no-default',
    { engine: { type: 'TGI' } },
    'ImageMissing',
    [/spec\.engine\.image: no default image is set for TGI/],
  ],
])('Ready=False says why: %s', async (_case, name, spec, reason, says) => {
  await cluster.kubectl().apply(skiff(name, spec as Record<string, unknown>));
  const message = await cluster.condition(name, 'Ready', 'False', reason);
  for (const pattern of says) expect(message).toMatch(pattern);
  const { metadata, status } = await cluster.model(name);
  expect(status?.observedGeneration).toBe(metadata.generation);
  const reasonOf = (type: string) => status?.conditions.find((one) => one.type === type)?.reason;
  if (reasonOf('Accepted') === reason) expect(reasonOf('Progressing')).toBe('NotAccepted');
  await waitUntil('the Event is there', async () => {
    const description = await cluster.kubectl().run(['describe', 'mdep', name]);
    return description.split('Events:')[1]?.includes(reason) ? true : undefined;
  });
  await cluster.kubectl().run(['delete', 'mdep', name, '--wait=false']);
});

/** Follows a ModelDeployment, and gives each condition that any version of its status had. */
function followConditions(name: string): () => Set<string> {
  const { kubectlPath, kubeconfigPath } = cluster.access();
  const path = '/apis/fairlead.dev/v1alpha1/namespaces/default/modeldeployments';
  const versions = `${path}?watch=true&fieldSelector=metadata.name%3D${name}`;
  const watch = spawn(kubectlPath, ['--kubeconfig', kubeconfigPath, 'get', '--raw', versions]);
  onTestFinished(() => void watch.kill());
  let said = '';
  watch.stdout.on('data', (chunk) => {
    said += chunk;
  });
  const read = (line: string): ModelObject => JSON.parse(line).object;
  return () => {
    const lines = said.split('\n').slice(0, -1);
    const conditions = lines.flatMap((line) => read(line).status?.conditions ?? []);
    return new Set(conditions.map(({ type, status, reason }) => `${type}=${status} ${reason}`));
  };
}

test('each step of a model’s life is told, and kubectl describe has the story', async () => {
  const { kubectl } = cluster;
  const told = followConditions('story');
  await kubectl().apply(skiff('story'));
  await cluster.condition('story', 'Ready', 'True', 'Ready');
  await kubectl().run(['scale', 'mdep/story', '--replicas=2']);
  await waitUntil('a second one is made', () => told().has('Ready=False Scaling') || undefined);
  await cluster.condition('story', 'Ready', 'True', 'Ready');
  await kubectl().apply(skiff('story', { replicas: 2, ...engine({ maxConcurrency: 2 }) }));
  await waitUntil('it is rolled out', () => told().has('Ready=False RollingOut') || undefined);
  await cluster.condition('story', 'Ready', 'True', 'Ready');
  await kubectl().run(['scale', 'mdep/story', '--replicas=0']);
  await cluster.condition('story', 'Ready', 'True', 'ScaledToZero');
  expect(await kubectl().run(['get', 'mdep', 'story'])).toMatch(/ ScaledToZero\s*$/);
  const steps = [
    ...['Accepted=True Accepted', 'Scheduled=Unknown Scheduling', 'Available=False Starting'],
    ...['Scheduled=True Scheduled', 'WeightsReady=True WeightsReady', 'Stalled=False NotStalled'],
    ...[
      'Available=True ReplicasReady',
      'Progressing=True RolledOut',
      'Progressing=True RollingOut',
    ],
  ];
  for (const step of steps) await waitUntil(step, () => told().has(step) || undefined);
  const events = ['PodCreated', 'PodDeleted', 'RollingOut', 'Ready', 'ScaledToZero'];
  await waitUntil('the Events are there', async () => {
    const story = (await kubectl().run(['describe', 'mdep', 'story'])).split('Events:')[1] ?? '';
    return events.every((event) => story.includes(` ${event} `)) || undefined;
  });
  await kubectl().run(['delete', 'mdep', 'story', '--wait=false']);
});

test('a Service of the same name that is somebody’s own stays, is told of, and the model serves', async () => {
  const { kubectl } = cluster;
  const spec = { selector: { app: 'other' }, ports: [{ port: 80 }] };
  await kubectl().apply({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'taken' }, spec });
  await kubectl().apply(skiff('taken'));
  await cluster.condition('taken', 'Ready', 'True', 'Ready');
  await waitUntil('the Event is there', async () => {
    const description = await kubectl().run(['describe', 'mdep', 'taken']);
    return description.includes('ObjectRefused') ? true : undefined;
  });
  const service = await kubectl().getJson<{ spec: object }>('service', 'taken');
  expect(service.spec).toMatchObject(spec);
  await kubectl().run(['delete', 'mdep/taken', 'service/taken', '--wait=false']);
});

test('a taint is told in the scheduler’s words, and healed when it goes', async () => {
  const { kubectl } = cluster;
  await kubectl().run(['taint', 'node', '--all', 'example.com/reserved=:NoSchedule']);
  try {
    await kubectl().apply(skiff('tainted'));
    const message = await cluster.condition('tainted', 'Scheduled', 'False', 'Unschedulable');
    expect(message).toMatch(/Replica tainted-\w+-0: .*had untolerated taint/);
  } finally {
    await kubectl().run(['taint', 'node', '--all', 'example.com/reserved-']);
  }
  await cluster.condition('tainted', 'Ready', 'True', 'Ready');
});

test('replicas of several hosts need LeaderWorkerSets, and heal without them', async () => {
  const engine = { type: 'Custom', image: cluster.image('llama-server') };
  await cluster.kubectl().apply(skiff('large', { engine, nodes: 2 }));
  const message = await cluster.condition('large', 'Stalled', 'True', 'UnsupportedTopology');
  expect(message).toMatch(/this cluster serves no LeaderWorkerSets\. Install LeaderWorkerSet/);
  await cluster.condition('large', 'Ready', 'False', 'UnsupportedTopology');
  await cluster.kubectl().apply(skiff('large'));
  await cluster.condition('large', 'Ready', 'True', 'Ready');
});

test('a quota that allows no more pods is quoted, and healed when it goes', async () => {
  const { kubectl } = cluster;
  await kubectl().apply(skiff('limited', { accelerator: { profile: 'fake-gpu' } }));
  await cluster.condition('limited', 'Ready', 'True', 'Ready');
  await kubectl().run(['create', 'quota', 'gpus', '--hard=requests.example.com/gpu=1']);
  await waitUntil('the quota is counted', async () => {
    const used = await kubectl().run(['get', 'quota', 'gpus', '-o', 'jsonpath={.status.used}']);
    return used || undefined;
  });
  await kubectl().run(['scale', 'mdep/limited', '--replicas=2']);
  const message = await cluster.condition('limited', 'Scheduled', 'False', 'PodRefused');
  expect(message).toMatch(/A pod cannot be made: .*exceeded quota: gpus/);
  await cluster.condition('limited', 'Available', 'True', 'ReplicasReady');
  await kubectl().run(['delete', 'quota', 'gpus']);
  await kubectl().run(['annotate', 'mdep', 'limited', 'example.com/again=1']);
  await cluster.condition('limited', 'Ready', 'True', 'Ready');
});

test('a policy that admits no pod is quoted, and healed when it goes', async () => {
  const { kubectl } = cluster;
  const name = 'no-models.example.com';
  const matchConstraints = {
    resourceRules: [
      { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] },
    ],
  };
  const ofUnwanted =
    "'fairlead.dev/model-deployment' in object.metadata.?labels.orValue({}) && object.metadata.labels['fairlead.dev/model-deployment'] == 'unwanted'";
  const admission = { apiVersion: 'admissionregistration.k8s.io/v1', metadata: { name } };
  await kubectl().apply(
    {
      ...admission,
      kind: 'ValidatingAdmissionPolicy',
      spec: {
        matchConstraints,
        validations: [{ expression: `!(${ofUnwanted})`, message: 'no models on Saturdays' }],
      },
    },
    {
      ...admission,
      kind: 'ValidatingAdmissionPolicyBinding',
      spec: { policyName: name, validationActions: ['Deny'] },
    },
  );
  const probe = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'probe', labels: { 'fairlead.dev/model-deployment': 'unwanted' } },
    spec: { containers: [{ name: 'c', image: 'c' }] },
  };
  await waitUntil('the policy is in force', () =>
    kubectl()
      .run(['create', '--dry-run=server', '-f', '-'], JSON.stringify(probe))
      .then(
        () => undefined,
        () => true,
      ),
  );
  await kubectl().apply(skiff('unwanted'));
  const message = await cluster.condition('unwanted', 'Ready', 'False', 'PodRefused');
  expect(message).toMatch(/A pod cannot be made: .*denied request: no models on Saturdays/);
  await kubectl().run([
    'delete',
    'validatingadmissionpolicybinding,validatingadmissionpolicy',
    name,
  ]);
  await waitUntil('the policy is gone', async () => {
    await kubectl().run(['create', '--dry-run=server', '-f', '-'], JSON.stringify(probe));
    return true;
  });
  await kubectl().run(['annotate', 'mdep', 'unwanted', 'example.com/again=1']);
  await cluster.condition('unwanted', 'Ready', 'True', 'Ready');
});

test('of two with one name the older serves it, and the newer takes over when it goes', async () => {
  await cluster.kubectl().apply(skiff('elder', { servedName: 'shared' }));
  await cluster.condition('elder', 'Ready', 'True', 'Ready');
  await cluster.kubectl().apply(skiff('younger', { servedName: 'shared' }));
  const message = await cluster.condition('younger', 'Ready', 'False', 'NameConflict');
  expect(message).toContain('default/elder');
  expect(await cluster.pods('younger')).toEqual([]);
  expect((await cluster.model('younger')).status).toMatchObject({ servedNames: [] });
  await cluster.kubectl().run(['delete', 'mdep', 'elder']);
  await cluster.condition('younger', 'Ready', 'True', 'Ready');
  expect((await cluster.model('younger')).status?.servedNames).toEqual(['shared']);
});

test('pods run under the restricted Pod Security standard', async () => {
  const { kubectl } = cluster;
  await kubectl().run(['create', 'namespace', 'restricted']);
  await kubectl().run([
    'label',
    'namespace',
    'restricted',
    'pod-security.kubernetes.io/enforce=restricted',
  ]);
  await waitUntil(
    'the namespace takes pods',
    async () =>
      (await kubectl().run(['get', '-n', 'restricted', 'sa', 'default', '-o', 'name'])) ||
      undefined,
  );
  const object = JSON.stringify(skiff('careful'));
  await kubectl().run(['apply', '-n', 'restricted', '-f', '-'], object);
  await kubectl().run([
    'wait',
    '-n',
    'restricted',
    'mdep/careful',
    '--for=condition=Ready',
    '--timeout=60s',
  ]);
});
