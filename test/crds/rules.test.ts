import { describe, expect, test } from 'vitest';
import { AcceleratorProfiles } from '../../crds/acceleratorprofile.ts';
import { ExternalModels } from '../../crds/externalmodel.ts';
import { objectSchema } from '../../crds/generate/crd.ts';
import { definitions } from '../../crds/generate/definitions.ts';
import type { StructuralSchema } from '../../crds/generate/structural.ts';
import { ModelDeployments } from '../../crds/modeldeployment.ts';
import { refusalOf, useApiServer } from './api-server.ts';
import { acceleratorProfile, externalModel, modelDeployment } from './objects.ts';
import { autoscalingRules, externalModelRules, profileRules, type RuleCase } from './rule-cases.ts';

const api = useApiServer('crds-rules');

const engine = (rest: object) => ({ engine: { type: 'LlamaCpp', ...rest } });
const source = (uri: string) => ({ source: { uri } });
const variable = (rest: object) => engine({ env: [{ name: 'A', ...rest }] });
const idle = (text: string) => ({ routing: { timeouts: { idle: text } } });
const canary = (...weights: number[]) => ({
  rollout: { canary: { steps: weights.map((weight) => ({ weight })) } },
});
const reference = { name: 'a', key: 'b' };

const modelDeploymentRules: readonly RuleCase[] = [
  {
    rule: 'servedName has letters, digits and . _ : / @ -',
    accepted: [{ servedName: 'a' }, { servedName: 'Org/Name-1.5_b:tag@v1' }],
    refused: [
      { servedName: '/a' },
      { servedName: 'a b' },
      { servedName: 'a,b' },
      { servedName: 'a:' },
    ],
    field: 'spec.servedName',
    says: /letters, digits and \. _ : \/ @ - are allowed/,
  },
  {
    rule: 'a rollout can replace something',
    accepted: [
      { rollout: { maxSurge: 0 } },
      { rollout: { maxUnavailable: 0 } },
      { rollout: { maxSurge: 1, maxUnavailable: 0 } },
    ],
    refused: [{ rollout: { maxSurge: 0, maxUnavailable: 0 } }],
    field: 'spec.rollout',
    says: /maxSurge and maxUnavailable must not both be 0/,
  },
  {
    rule: 'each step of a canary has a greater weight than the one before',
    accepted: [canary(5), canary(1, 10, 99)],
    refused: [canary(10, 5), canary(5, 5), canary(1, 50, 50)],
    field: 'spec.rollout.canary.steps',
    says: /every step must have a greater weight than the one before it/,
  },
  {
    rule: 'source.uri has a scheme that is supported',
    accepted: [source('oci://local.test/skiff:1')],
    refused: [
      source('ftp://host/model'),
      source('local.test/skiff:1'),
      source('OCI://local.test/a'),
    ],
    field: 'spec.source.uri',
    says: /must begin with oci:\/\/, hf:\/\/, https:\/\/, s3:\/\/, gs:\/\/, pvc:\/\/, hostpath:\/\/, such as/,
  },
  {
    rule: 'source.uri names a model of a hub',
    accepted: [
      source('hf://Qwen/Qwen2.5-7B_x'),
      source('hf://org/m/q8/a-00001-of-00002.gguf?revision=refs/pr/2'),
    ],
    refused: [source('hf://org'), source('hf://org/m?rev=1'), source('hf://org/m/../x')],
    field: 'spec.source.uri',
    says: /must have the form hf:\/\/organisation\/model\[\/path\/in\/model\]\[\?revision=/,
  },
  {
    rule: 'source.uri names a file by https, perhaps with a checksum',
    accepted: [
      source('https://h.example:8443/a/b.gguf?x=1&y=%20'),
      source(`https://h.example/b.gguf#sha256=${'0f'.repeat(32)}`),
    ],
    refused: [source('https://h.example/'), source('https://h.example/b.gguf#sha256=0f')],
    field: 'spec.source.uri',
    says: /must have the form https:\/\/host\/path\/file\[#sha256=64/,
  },
  ...['s3', 'gs'].map((scheme) => ({
    rule: `source.uri names a file or folder of a bucket of ${scheme}`,
    accepted: [source(`${scheme}://my.bucket-1/a/b.gguf`), source(`${scheme}://bucket/a/`)],
    refused: [source(`${scheme}://bucket`), source(`${scheme}://Bucket/a`)],
    field: 'spec.source.uri',
    says: new RegExp(`must have the form ${scheme}://bucket/path/of/file-or-folder`),
  })),
  {
    rule: 'source.uri names a claim',
    accepted: [source('pvc://claim'), source('pvc://my-claim/llama/8b')],
    refused: [source('pvc://'), source('pvc://Claim/a'), source('pvc://claim/../a')],
    field: 'spec.source.uri',
    says: /must have the form pvc:\/\/claim\[\/path\/in\/volume\]/,
  },
  {
    rule: 'source.uri names a path of the node',
    accepted: [source('hostpath:///srv/models/a.gguf')],
    refused: [source('hostpath://srv/a'), source('hostpath:///'), source('hostpath:///srv/../etc')],
    field: 'spec.source.uri',
    says: /must have the form hostpath:\/\/\/path\/on\/the\/node/,
  },
  {
    rule: 'source.secretName is for what is downloaded',
    accepted: [{ source: { uri: 'hf://org/m', secretName: 'hub' } }],
    refused: [{ source: { uri: 'oci://local.test/a:1', secretName: 'hub' } }],
    field: 'spec.source.secretName',
    says: /secretName is for hf, https, s3 and gs; for an image use podTemplate/,
  },
  {
    rule: 'source.cache is for what is downloaded',
    accepted: [
      { source: { uri: 'hf://org/m', cache: 'shared' } },
      { source: { uri: 'oci://local.test/a:1', cache: 'none' } },
    ],
    refused: [{ source: { uri: 'oci://local.test/a:1', cache: 'shared' } }],
    field: 'spec.source.cache',
    says: /a cache is for hf, https, s3 and gs/,
  },
  {
    rule: 'source.cache is a name',
    accepted: [{ source: { uri: 'hf://org/m', cache: 'my-claim.v1' } }],
    refused: [
      { source: { uri: 'hf://org/m', cache: 'Shared' } },
      { source: { uri: 'hf://org/m', cache: 'a/b' } },
    ],
    field: 'spec.source.cache',
    says: /must be none, or the name of a cache class or a PersistentVolumeClaim/,
  },
  {
    rule: 'adapters are for vLLM and LlamaCpp',
    accepted: [
      {
        ...engine({ type: 'vLLM' }),
        adapters: [{ name: 'law.v2', ...source('oci://r.example/a') }],
      },
      { adapters: [{ name: 'law', ...source('hf://org/law/law.gguf') }] },
      { ...engine({ type: 'TGI' }), adapters: [] },
    ],
    refused: [
      { ...engine({ type: 'TGI' }), adapters: [{ name: 'law', ...source('oci://r.example/a') }] },
    ],
    field: 'spec.adapters',
    says: /adapters are for vLLM and LlamaCpp/,
  },
  {
    rule: 'adapters have names',
    accepted: [],
    refused: [
      { ...engine({ type: 'vLLM' }), adapters: [{ name: 'a:b', ...source('oci://r.example/a') }] },
    ],
    field: 'spec.adapters[0].name',
    says: /letters, digits and \. _ - are allowed, with a letter or digit at both ends/,
  },
  {
    rule: 'engine.command, port and healthPath are for Custom',
    accepted: [
      engine({ type: 'Custom', image: 'a', command: ['b'], port: 9000, healthPath: '/' }),
      ...['vLLM', 'SGLang', 'TGI', 'Ollama'].map((type) => engine({ type })),
    ],
    refused: [engine({ command: ['b'] }), engine({ type: 'vLLM', port: 9000 })],
    field: 'spec.engine',
    says: /command, port and healthPath are for the type Custom alone/,
  },
  {
    rule: 'engine.kvEvents is for vLLM',
    accepted: [engine({ type: 'vLLM', kvEvents: true }), engine({ kvEvents: false })],
    refused: [engine({ kvEvents: true }), engine({ type: 'SGLang', kvEvents: true })],
    field: 'spec.engine.kvEvents',
    says: /only vLLM tells its KV events: leave kvEvents out, or use the type vLLM/,
  },
  {
    rule: 'engine.type Custom needs an image',
    accepted: [],
    refused: [engine({ type: 'Custom' })],
    field: 'spec.engine.image',
    says: /the type Custom needs an image/,
  },
  {
    rule: 'engine.healthPath is a path',
    accepted: [engine({ type: 'Custom', image: 'a', healthPath: '/v1/ready' })],
    refused: [
      engine({ type: 'Custom', image: 'a', healthPath: 'health' }),
      engine({ type: 'Custom', image: 'a', healthPath: '/a?b' }),
    ],
    field: 'spec.engine.healthPath',
    says: /must be a path that begins with \/, such as "\/health"/,
  },
  {
    rule: 'engine.envFrom has one reference',
    accepted: [engine({ envFrom: [{ prefix: 'A_', secretRef: { name: 'a' } }] })],
    refused: [
      engine({ envFrom: [{}] }),
      engine({ envFrom: [{ secretRef: { name: 'a' }, configMapRef: { name: 'b' } }] }),
    ],
    field: 'spec.engine.envFrom[0]',
    says: /exactly one of secretRef and configMapRef must be set/,
  },
  {
    rule: 'source.uri names an image and perhaps a file',
    accepted: [
      source('oci://localhost:5000/a/b-c'),
      source(`oci://r.example/a/b:v1.0@sha256:${'0f'.repeat(32)}?file=weights/q4_k.gguf`),
    ],
    refused: [
      source('oci://local.test'),
      source('oci:///skiff'),
      source('oci://local.test/Skiff:1'),
      source('oci://local.test/skiff@sha256:0f'),
      source('oci://local.test/skiff:1?file=../etc/passwd'),
      source('oci://local.test/skiff:1?file=/model.gguf'),
      source('oci://local.test/skiff:1?path=x'),
    ],
    field: 'spec.source.uri',
    says: /must have the form oci:\/\/registry\/repository\[:tag\]\[@sha256:digest\]\[\?file=/,
  },
  {
    rule: 'engine.env names are names of variables',
    accepted: [engine({ env: [{ name: 'HF_TOKEN_2', value: '' }] })],
    refused: [engine({ env: [{ name: '2X' }] }), engine({ env: [{ name: 'A-B' }] })],
    field: 'spec.engine.env[0].name',
    says: /letters, digits and _ are allowed/,
  },
  {
    rule: 'engine.env has a value or a reference',
    accepted: [variable({ value: 'x' }), variable({ valueFrom: { secretKeyRef: reference } })],
    refused: [variable({ value: 'x', valueFrom: { secretKeyRef: reference } })],
    field: 'spec.engine.env[0]',
    says: /value and valueFrom exclude each other/,
  },
  {
    rule: 'engine.env has one reference',
    accepted: [variable({ valueFrom: { configMapKeyRef: { ...reference, optional: true } } })],
    refused: [
      variable({ valueFrom: {} }),
      variable({ valueFrom: { secretKeyRef: reference, configMapKeyRef: reference } }),
    ],
    field: 'spec.engine.env[0].valueFrom',
    says: /exactly one of secretKeyRef and configMapKeyRef must be set/,
  },
  {
    rule: 'resources are quantities',
    accepted: [{ resources: { requests: { cpu: 2, memory: '1.5Gi' }, limits: { cpu: '500m' } } }],
    refused: [
      { resources: { requests: { cpu: 'two' } } },
      { resources: { requests: { cpu: '' } } },
    ],
    field: 'spec.resources.requests[cpu]',
    says: /must be a quantity, such as 2, "500m" or "4Gi"/,
  },
  {
    rule: 'several nodes are for engines that can use them',
    accepted: [{ nodes: 2, engine: { type: 'vLLM' } }, { nodes: 1 }],
    refused: [{ nodes: 2, engine: { type: 'LlamaCpp' } }],
    field: 'spec.nodes',
    says: /several nodes for a replica are for vLLM and Custom/,
  },
  {
    rule: 'routing.timeouts are lengths of time',
    accepted: [idle('0s'), idle('250ms'), idle('1h30m')],
    refused: [idle('5'), idle('5 s'), idle('1d'), idle('-5s'), idle('')],
    field: 'spec.routing.timeouts.idle',
    says: /must be a length of time, such as "5s" or "1h30m"/,
  },
  {
    rule: 'routing.fallbacks are names of models',
    accepted: [{ routing: { fallbacks: ['other', 'org/name:tag'] } }],
    refused: [{ routing: { fallbacks: ['a b'] } }, { routing: { fallbacks: ['/a'] } }],
    field: 'spec.routing.fallbacks[0]',
    says: /letters, digits and \. _ : \/ @ - are allowed/,
  },
];

let count = 0;
const freshName = () => `case-${count++}`;

describe.each([...modelDeploymentRules, ...autoscalingRules])(
  'ModelDeployment: $rule',
  ({ accepted, refused, field, says }) => {
    test.each(accepted)('accepts %j', async (spec) => {
      await api.client().create(ModelDeployments, modelDeployment(freshName(), spec));
    });
    test.each(refused)('refuses %j', async (spec) => {
      const written = api.client().create(ModelDeployments, modelDeployment(freshName(), spec));
      expect(await refusalOf(written)).toContainEqual(refusal(field, says));
    });
  },
);

describe.each(profileRules)('AcceleratorProfile: $rule', ({ accepted, refused, field, says }) => {
  test.each(accepted)('accepts %j', async (spec) => {
    await api.client().create(AcceleratorProfiles, acceleratorProfile(freshName(), spec));
  });
  test.each(refused)('refuses %j', async (spec) => {
    const written = api.client().create(AcceleratorProfiles, acceleratorProfile(freshName(), spec));
    expect(await refusalOf(written)).toContainEqual(refusal(field, says));
  });
});

describe.each(externalModelRules)('ExternalModel: $rule', ({ accepted, refused, field, says }) => {
  test.each(accepted)('accepts %j', async (spec) => {
    await api.client().create(ExternalModels, externalModel(freshName(), spec));
  });
  test.each(refused)('refuses %j', async (spec) => {
    const written = api.client().create(ExternalModels, externalModel(freshName(), spec));
    expect(await refusalOf(written)).toContainEqual(refusal(field, says));
  });
});

describe('names', () => {
  test.each(['a', 'm'.repeat(40), 'llama-3-8b'])(
    'a ModelDeployment may be called %s',
    async (name) => {
      await api.client().create(ModelDeployments, modelDeployment(name));
    },
  );
  test.each([
    ['m'.repeat(41), /at most 40 characters/],
    ['1-model', /beginning with a letter/],
    ['a.b', /lower-case letters, digits and - are allowed/],
  ])('a ModelDeployment may not be called %s', async (name, says) => {
    const written = api.client().create(ModelDeployments, modelDeployment(name));
    expect(await refusalOf(written)).toContainEqual(refusal('metadata.name', says));
  });
  test.each(['p'.repeat(63), 'gpu.large'])(
    'an AcceleratorProfile may be called %s',
    async (name) => {
      await api.client().create(AcceleratorProfiles, acceleratorProfile(name));
    },
  );
  test.each([
    ['cpu', /the profile cpu is built in and cannot be replaced/],
    ['p'.repeat(64), /at most 63 characters/],
  ])('an AcceleratorProfile may not be called %s', async (name, says) => {
    const written = api.client().create(AcceleratorProfiles, acceleratorProfile(name));
    expect(await refusalOf(written)).toContainEqual(refusal('metadata.name', says));
  });
});

test('there is a case for every rule of the schemas', () => {
  const all = [
    ...modelDeploymentRules,
    ...autoscalingRules,
    ...profileRules,
    ...externalModelRules,
  ];
  const known = all.map(({ says }) => says);
  known.push(/at most 40/, /beginning with a letter/, /built in/, /at most 63/);
  const rules = definitions.flatMap((definition) => rulesOf(objectSchema(definition)));
  expect(rules.length).toBeGreaterThan(10);
  for (const message of rules)
    expect(
      known.some((says) => says.test(message)),
      message,
    ).toBe(true);
});

function rulesOf(schema: StructuralSchema): string[] {
  const { items, additionalProperties, properties = {} } = schema;
  const children = [items, additionalProperties, ...Object.values(properties)];
  return [
    ...(schema['x-kubernetes-validations'] ?? []).map(({ message }) => message),
    ...children.flatMap((child) => (child ? rulesOf(child) : [])),
  ];
}

/** Matches one cause that names this very field and says this. */
function refusal(field: string, says: RegExp): unknown {
  const escaped = field.replace(/[.[\]]/g, '\\$&');
  return expect.stringMatching(new RegExp(`^${escaped}: .*${says.source}`, 's'));
}
