import { describe, expect, test } from 'vitest';
import { AcceleratorProfiles } from '../../crds/acceleratorprofile.ts';
import { objectSchema } from '../../crds/generate/crd.ts';
import { definitions } from '../../crds/generate/definitions.ts';
import type { StructuralSchema } from '../../crds/generate/structural.ts';
import { ModelDeployments } from '../../crds/modeldeployment.ts';
import { refusalOf, useApiServer } from './api-server.ts';
import { acceleratorProfile, modelDeployment } from './objects.ts';

const api = useApiServer();

/** One rule: what it lets pass, what it refuses, on which field and with which words. */
interface RuleCase {
  rule: string;
  accepted: readonly object[];
  refused: readonly object[];
  field: string;
  says: RegExp;
}

const engine = (rest: object) => ({ engine: { type: 'LlamaCpp', ...rest } });
const source = (uri: string) => ({ source: { uri } });
const variable = (rest: object) => engine({ env: [{ name: 'A', ...rest }] });
const idle = (text: string) => ({ routing: { timeouts: { idle: text } } });
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
    rule: 'source.uri has a scheme that is supported',
    accepted: [source('oci://local.test/skiff:1')],
    refused: [source('hf://org/model'), source('local.test/skiff:1'), source('OCI://local.test/a')],
    field: 'spec.source.uri',
    says: /must begin with oci:\/\/ .*other sources are not supported/,
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
    rule: 'routing.timeouts are lengths of time',
    accepted: [idle('0s'), idle('250ms'), idle('1h30m')],
    refused: [idle('5'), idle('5 s'), idle('1d'), idle('-5s'), idle('')],
    field: 'spec.routing.timeouts.idle',
    says: /must be a length of time, such as "5s" or "1h30m"/,
  },
];

const profileRules: readonly RuleCase[] = [
  {
    rule: 'resourceName is an extended resource',
    accepted: [{ resourceName: 'nvidia.com/gpu' }, { resourceName: 'nvidia.com/mig-1g.10gb' }],
    refused: [
      { resourceName: 'gpu' },
      { resourceName: 'nvidia.com/' },
      { resourceName: 'A.com/x' },
    ],
    field: 'spec.resourceName',
    says: /must be the name of an extended resource with its domain, such as "nvidia\.com\/gpu"/,
  },
];

let count = 0;
const freshName = () => `case-${count++}`;

describe.each(modelDeploymentRules)(
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
  const known = [...modelDeploymentRules, ...profileRules].map(({ says }) => says);
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
