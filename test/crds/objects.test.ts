import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import {
  type ModelDeployment,
  ModelDeployments,
  modelDeploymentSpec,
} from '../../crds/modeldeployment.ts';
import type { KubectlError } from '../support/kubectl.ts';
import { waitUntil } from '../support/wait-until.ts';
import { useApiServer } from './api-server.ts';
import { modelDeployment } from './objects.ts';

const api = useApiServer('crds-objects');
const examples = fileURLToPath(new URL('../../examples/', import.meta.url));

const get = (name: string) => api.client().get(ModelDeployments, { namespace: 'default', name });
const yaml = (name: string, spec: object = {}) =>
  JSON.stringify({
    apiVersion: 'fairlead.dev/v1alpha1',
    kind: 'ModelDeployment',
    ...modelDeployment(name, spec),
  });

test('every default appears, and they are the ones that the operator counts on', async () => {
  const { spec } = await api.client().create(ModelDeployments, modelDeployment('defaults'));
  expect(spec).toEqual({
    source: { uri: 'oci://local.test/skiff:1' },
    engine: { type: 'LlamaCpp' },
    accelerator: { profile: 'cpu', count: 1 },
    nodes: 1,
    replicas: 1,
    routing: {
      policy: 'PrefixAware',
      timeouts: { connect: '5s', firstByte: '0s', idle: '5m', total: '1h' },
      retries: 2,
    },
    rollout: {
      maxUnavailable: 1,
      drainTimeout: '10m',
      startTimeout: '1h',
      revisionHistoryLimit: 5,
    },
  });
  expect(modelDeploymentSpec.parse(modelDeployment('defaults').spec)).toEqual(spec);
  const scaled = modelDeployment('scaled', {
    autoscaling: {
      maxReplicas: 3,
      schedules: [{ start: '0 8 * * *', duration: '1h', minReplicas: 2 }],
    },
  });
  const { autoscaling } = (await api.client().create(ModelDeployments, scaled)).spec;
  expect(autoscaling).toEqual({
    minReplicas: 1,
    maxReplicas: 3,
    scaleUpWindow: '30s',
    scaleDownWindow: '5m',
    idleTimeout: '10m',
    hold: { timeout: '10m', maxRequests: 1000 },
    schedules: [{ start: '0 8 * * *', duration: '1h', timeZone: 'Etc/UTC', minReplicas: 2 }],
  });
  const half = modelDeployment('half', { accelerator: { profile: 'nvidia' } });
  expect((await api.client().create(ModelDeployments, half)).spec.accelerator.count).toBe(1);
});

test('an unknown field is pruned, with a warning, and refused by strict validation', async () => {
  const { kubectl } = api;
  const strict = kubectl().run(
    ['apply', '--validate=strict', '-f', '-'],
    yaml('typo', { sauce: 1 }),
  );
  await expect(strict).rejects.toThrow(/unknown field "spec\.sauce"/);
  const warning = await kubectl()
    .run(
      ['create', '--validate=warn', '--warnings-as-errors', '-f', '-'],
      yaml('typo', { sauce: 1 }),
    )
    .catch((error: KubectlError) => error.stderr);
  expect(warning).toMatch(/unknown field "spec\.sauce"/);
  await api.client().create(ModelDeployments, modelDeployment('pruned', { sauce: 1 }));
  expect((await get('pruned')).spec).not.toHaveProperty('sauce');
});

test('what podTemplate takes as a pod has it is kept whole', async () => {
  const spec = {
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: {} } },
    volumes: [{ name: 'v', csi: { driver: 'd', volumeAttributes: { a: 'b' } } }],
    containers: [{ name: 'side', image: 'x', ports: [{ containerPort: 1 }] }],
  };
  const written = modelDeployment('templated', { podTemplate: { spec } });
  await api.client().create(ModelDeployments, written);
  expect((await get('templated')).spec.podTemplate?.spec).toEqual(spec);
});

test('status is written through its own door only', async () => {
  const status = { observedGeneration: 9 } as ModelDeployment['status'];
  const intent = { ...modelDeployment('no-status'), ...(status && { status }) };
  const created = await api.client().create(ModelDeployments, intent);
  expect(created.status).toBeUndefined();
});

test('two managers apply fields of their own without conflict', async () => {
  const metadata = { name: 'shared', namespace: 'default' };
  const { spec } = modelDeployment('shared');
  const apply = (intent: object, fieldManager: string) =>
    api.client().apply(ModelDeployments, { metadata, spec: intent } as never, { fieldManager });
  await apply(spec ?? {}, 'gitops');
  await apply({ replicas: 3 }, 'scaler');
  await apply({ engine: { env: [{ name: 'B', value: '2' }] } }, 'platform');
  await apply(
    { ...spec, engine: { type: 'LlamaCpp', env: [{ name: 'A', value: '1' }] } },
    'gitops',
  );
  const { spec: now } = await get('shared');
  expect(now.replicas).toBe(3);
  expect(now.engine.env?.map(({ name }) => name).sort()).toEqual(['A', 'B']);
  await expect(apply({ replicas: 5 }, 'gitops-2')).rejects.toThrow(/conflict.*scaler/s);
});

test('each condition may have a manager of its own', async () => {
  await api.client().create(ModelDeployments, modelDeployment('conditions'));
  const metadata = { name: 'conditions', namespace: 'default' };
  const condition = (type: string) => ({
    type,
    status: 'True',
    reason: 'X',
    message: '',
    observedGeneration: 1,
    lastTransitionTime: '2026-11-21T12:00:00Z',
  });
  const numbers = ['observedGeneration', 'replicas', 'readyReplicas', 'updatedReplicas'].concat([
    'availableReplicas',
    'terminatingReplicas',
  ]);
  const base = {
    ...Object.fromEntries(numbers.map((field) => [field, 1])),
    selector: 'a=b',
    servedNames: ['conditions'],
  };
  const apply = (status: object, fieldManager: string) =>
    api.client().apply(ModelDeployments, { metadata, status } as never, {
      fieldManager,
      subresource: 'status',
    });
  await apply({ ...base, conditions: [condition('Ready')] }, 'operator');
  await apply({ conditions: [condition('Accepted')] }, 'another');
  const { status } = await get('conditions');
  expect(status?.conditions.map(({ type }) => type).sort()).toEqual(['Accepted', 'Ready']);
});

test.each([
  [
    'mdep.spec',
    /accelerator.*engine\s+<Object> -required-.*replicas.*servedName.*source\s+<Object> -required-/s,
  ],
  [
    'mdep.spec.engine',
    /Which engine serves the model.*args.*appended last.*contextLength.*Tokens that one\s+request may use/s,
  ],
  ['mdep.spec.engine.type', /ENUM:\s+vLLM\s+LlamaCpp.*llama-server/s],
  ['mdep.spec.podTemplate.spec.containers', /Sidecars, and under the name `engine`/],
  [
    'mdep.spec.source.uri',
    /a GGUF file for\s+LlamaCpp.*`hf:\/\/` a model of a\s+Hugging Face hub/s,
  ],
  [
    'mdep.spec.autoscaling',
    /Absent:\s+`replicas`\s+is\s+yours.*hold.*idleTimeout.*maxReplicas\s+<integer> -required-.*minReplicas.*0: without\s+requests for idleTimeout.*scaleDownWindow.*scaleUpWindow.*schedules.*target/s,
  ],
  ['mdep.spec.autoscaling.schedules.start', /`0 8 \* \* MON-FRI`: at eight on working\s+days/],
  ['mdep.status.conditions', /What is true of it now/],
  ['acceleratorprofile.spec.resourceName', /nvidia\.com\/gpu/],
])('kubectl explain %s reads like documentation', async (path, says) => {
  const text = await waitUntil('the API server publishes the schema', () =>
    api.kubectl().run(['explain', path]),
  );
  expect(text).toMatch(says);
  expect(text).not.toContain('<empty>');
});

test.each(readdirSync(examples).filter((file) => file.endsWith('.yaml')))(
  'examples/%s applies with strict validation',
  async (file) => {
    await api.kubectl().run(['apply', '--validate=strict', '-f', `${examples}${file}`]);
  },
);

test('short name and category lead to the objects', async () => {
  await api.client().create(ModelDeployments, modelDeployment('listed'));
  expect(await api.kubectl().run(['get', 'mdep', '-o', 'name'])).toContain('/listed');
  expect(await api.kubectl().run(['get', 'fairlead', '-o', 'name'])).toContain('/listed');
});
