import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { AcceleratorProfileSpec } from '../../crds/acceleratorprofile.ts';
import { engineTypes } from '../../crds/modeldeployment/engine.ts';
import { engines } from '../engines/engines.ts';
import { modelDeployment } from '../testing/fixtures.ts';
import { weightsFor } from '../testing/weights.ts';
import { claimTemplateOf } from './claim-template.ts';
import { renderTemplate } from './pod.ts';
import { podName, replicaPod } from './replica-pod.ts';

const identity = { revision: '0123abcd', slot: 3, attempt: 0 };

function render(
  spec: Record<string, unknown> = {},
  profile?: AcceleratorProfileSpec | undefined,
  attempt = 0,
) {
  const deployment = modelDeployment(spec);
  const { engine } = deployment.spec;
  const weights = weightsFor(deployment);
  const resolved = { engine: engines[engine.type], image: 'engine:1', weights, profile };
  return replicaPod(deployment, renderTemplate(deployment, resolved), { ...identity, attempt });
}

const yaml = (value: object) => stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
const golden = (name: string) => `golden/${name}.yaml`;

const profiles: Readonly<Record<string, AcceleratorProfileSpec | undefined>> = {
  cpu: undefined,
  nvidia: {
    resourceName: 'nvidia.com/gpu',
    nodeSelector: { 'node.example/pool': 'gpu' },
    tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }],
    runtimeClassName: 'nvidia',
    resources: { requests: { cpu: 4, memory: '32Gi' } },
    env: [{ name: 'NCCL_DEBUG', value: 'WARN' }],
    shmSize: '16Gi',
  },
  mig: { resourceName: 'nvidia.com/mig-1g.10gb' },
  amd: { resourceName: 'amd.com/gpu', nodeSelector: { 'amd.com/gpu.family': 'mi300' } },
  dra: { deviceClassName: 'gpu.nvidia.com' },
};

/** Everything that `spec.engine` can say without regard to the engine, and one argument of the user's. */
const said = (type: string) => ({
  type,
  ...(type === 'Custom' && {
    port: 9000,
    healthPath: '/ready',
    command: ['serve', '--model=$(MODEL_PATH)'],
  }),
  ...(type !== 'Ollama' && { args: ['--extra'] }),
  env: [
    { name: 'HOME', value: '/elsewhere' },
    { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'hub', key: 'token' } } },
  ],
  envFrom: [{ prefix: 'P_', secretRef: { name: 'all', optional: true } }],
  contextLength: 4096,
  maxConcurrency: 8,
});

test.each(engineTypes)('%s on the CPU, with nothing said', async (type) => {
  await expect(yaml(render({ engine: { type } }))).toMatchFileSnapshot(
    golden(`${type.toLowerCase()}-cpu`),
  );
});

test('vLLM that tells its KV events: where, and on ports that routers find', () => {
  const [engine] = render({ engine: { type: 'vLLM', kvEvents: true } }).spec!.containers;
  const at = engine?.args?.indexOf('--kv-events-config') ?? -1;
  expect(JSON.parse(engine?.args?.[at + 1] ?? '')).toMatchObject({
    ...{ endpoint: 'tcp://*:5557', replay_endpoint: 'tcp://*:5558', publisher: 'zmq' },
  });
  expect(engine?.ports?.map(({ name, containerPort }) => [name, containerPort])).toEqual([
    ...[
      ['http', 8000],
      ['kv-events', 5557],
      ['kv-replay', 5558],
    ],
  ]);
});

test('vLLM with adapters: an agent beside it, what it is told, and what it may read', async () => {
  const adapters = [
    { name: 'law', source: { uri: 'hf://team/law', secretName: 'hub' } },
    { name: 'tax', source: { uri: 's3://bucket/tax', secretName: 'store' } },
    { name: 'med', source: { uri: 'oci://r.example/med:1' } },
  ];
  await expect(yaml(render({ engine: { type: 'vLLM' }, adapters }))).toMatchFileSnapshot(
    golden('vllm-adapters'),
  );
});

/** What a profile and the fields of the engine change, without what every pod of the engine has. */
test.each(engineTypes)('%s with everything said, on every accelerator', async (type) => {
  const rendered = Object.entries(profiles).map(([name, profile]) => {
    const accelerator = profile && { profile: name, count: name === 'mig' ? 1 : 2 };
    const resources = { limits: { cpu: '1500m', memory: '8Gi' } };
    const adapters =
      type === 'vLLM' ? [{ name: 'law', source: { uri: 'oci://r.example/law:1' } }] : undefined;
    const { spec } = render({ engine: said(type), accelerator, resources, adapters }, profile);
    const { containers, volumes, ...rest } = spec ?? { containers: [] };
    const [engine] = containers;
    const { command, args, env, envFrom, ports, resources: asked, startupProbe } = engine!;
    const { nodeSelector, tolerations, runtimeClassName, resourceClaims } =
      rest as typeof spec & {};
    const shm = volumes?.find((volume) => volume.name === 'shm');
    const mostly = { command, args, env, envFrom, ports, resources: asked };
    const path = startupProbe?.httpGet?.path;
    const placement = { nodeSelector, tolerations, runtimeClassName, resourceClaims };
    return [name, { ...mostly, healthPath: path, shm: shm?.emptyDir?.sizeLimit, ...placement }];
  });
  await expect(yaml(Object.fromEntries(rendered))).toMatchFileSnapshot(
    golden(`${type.toLowerCase()}-accelerators`),
  );
});

/** What a cache and adapters change, without what every pod of the engine has. */
test.each(engineTypes)('%s with a cache and with adapters, on every accelerator', async (type) => {
  const { reads, takesAdapters } = engines[type];
  const file = reads === 'folder' ? '' : '/q4.gguf';
  const cached = { source: { uri: `hf://org/m${file}`, cache: 'shared' } };
  const fetched = { name: 'law', source: { uri: `hf://org/law${file}`, secretName: 'hub' } };
  const mounted = { name: 'med', source: { uri: 'oci://r.example/med:1' } };
  const kept = { name: 'tax', source: { uri: `s3://bucket/tax${file}`, cache: 'shared' } };
  const lora = takesAdapters || type === 'LlamaCpp';
  const variants = {
    cache: cached,
    ...(lora && { adapters: { adapters: [fetched, mounted, kept] } }),
  };
  const image = type === 'Custom' ? { image: 'x:1', port: 9000 } : {};
  const rendered = Object.entries(profiles).flatMap(([name, profile]) =>
    Object.entries(variants).map(([variant, rest]) => {
      const accelerator = profile && { profile: name };
      const { metadata, spec } = render(
        { engine: { type, ...image }, accelerator, ...rest },
        profile,
      );
      const { containers: [engine] = [], initContainers = [], volumes } = spec ?? {};
      const { args, env, resources, volumeMounts } = engine!;
      const loaders = initContainers.map(({ name: of, args: to }) => `${of} ${to?.join(' ')}`);
      const seen = { annotations: metadata.annotations, args, env, resources };
      return [`${name}, ${variant}`, { ...seen, loaders, volumes, volumeMounts }];
    }),
  );
  await expect(yaml(Object.fromEntries(rendered))).toMatchFileSnapshot(
    golden(`${type.toLowerCase()}-weights`),
  );
});

test('a download before the engine has its share of CPU and memory, and what must fit', () => {
  const { spec } = render(
    {
      engine: { type: 'vLLM' },
      source: { uri: 'hf://org/m' },
      accelerator: { profile: 'nvidia', count: 2 },
      resources: { limits: { memory: '8Gi' } },
    },
    { resourceName: 'nvidia.com/gpu', memoryGiB: 80, resources: { requests: { cpu: 4 } } },
  );
  const [loader] = spec?.initContainers ?? [];
  expect(loader).toMatchObject({
    name: 'weights',
    resources: { requests: { cpu: '8' }, limits: { memory: '8Gi' } },
  });
  expect(loader?.env?.map(({ name, value }) => [name, value])).toEqual([
    [
      'FAIRLEAD_FIT',
      JSON.stringify({ availableBytes: 144 * 2 ** 30, shown: '90 % of 2 × 80 GiB' }),
    ],
  ]);
});

test('mounted weights are judged before an engine is started on them, where their room is known', () => {
  const judges = (spec: object, profile: AcceleratorProfileSpec) => {
    const accelerator = { profile: 'nvidia', count: 1 };
    return render({ accelerator, ...spec }, profile).spec?.initContainers ?? [];
  };
  const known = { resourceName: 'nvidia.com/gpu', memoryGiB: 80 };
  const source = { uri: 'hf://org/m', cache: 'shared' };
  const vllm = { engine: { type: 'vLLM' } };
  expect(judges({ ...vllm, source }, known)).toMatchObject([
    {
      command: ['node', 'operator/weights/loader/fit-main.ts'],
      args: ['/models'],
      env: [{ name: 'FAIRLEAD_FIT' }],
      volumeMounts: [{ name: 'model', mountPath: '/models', readOnly: true }],
    },
  ]);
  expect(judges(vllm, known)).toHaveLength(1);
  expect(judges(vllm, { resourceName: 'nvidia.com/gpu' })).toEqual([]);
  expect(judges({}, known)).toEqual([]);
});

test.each([
  ['10m', 30],
  ['5s', 5],
])(
  'with %s to drain, an engine that does not count its requests pauses %i s',
  (drainTimeout, pause) => {
    const { spec } = render({ engine: { type: 'Ollama' }, rollout: { drainTimeout } });
    expect(spec?.containers[0]?.lifecycle?.preStop).toEqual({ sleep: { seconds: pause } });
  },
);

test('a claim template for dynamic resource allocation', async () => {
  const deployment = modelDeployment({ accelerator: { profile: 'dra', count: 2 } });
  const template = claimTemplateOf(deployment, profiles.dra);
  await expect(yaml(template!)).toMatchFileSnapshot(golden('claim-template'));
  const { resourceClaims } =
    render({ accelerator: { profile: 'dra', count: 2 } }, profiles.dra).spec ?? {};
  expect(resourceClaims).toEqual([
    { name: 'accelerator', resourceClaimTemplateName: template?.metadata.name },
  ]);
  expect(claimTemplateOf(deployment, profiles.nvidia)).toBeUndefined();
});

test('what is in a claim template is in its name, for it never changes', () => {
  const nameOf = (spec: object, profile = profiles.dra) =>
    claimTemplateOf(modelDeployment({ accelerator: spec }), profile)?.metadata.name;
  const names = [
    nameOf({ count: 1 }),
    nameOf({ count: 2 }),
    nameOf({ count: 2 }, { deviceClassName: 'other' }),
  ];
  expect(new Set(names).size).toBe(3);
  expect(nameOf({ count: 2 })).toBe(names[1]);
});

test('a pod that follows dead ones says how many', () => {
  const { annotations } = render({}, undefined, 2).metadata;
  expect(annotations).toMatchObject({ 'fairlead.dev/attempt': '2' });
});

test('the longest allowed name still makes a pod name that is a label and a host name', () => {
  const name = podName('m'.repeat(40), { ...identity, slot: 99_999 });
  expect(name.length).toBeLessThanOrEqual(63);
});
