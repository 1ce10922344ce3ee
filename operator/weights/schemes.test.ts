import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { engines } from '../engines/engines.ts';
import { modelDeployment } from '../testing/fixtures.ts';
import { sourceSettings, weightsFor } from '../testing/weights.ts';
import { weightsOf } from './schemes.ts';

const of = (uri: string, type = 'LlamaCpp', rest: object = {}) =>
  weightsFor(modelDeployment({ engine: { type }, source: { uri, ...rest } }));

test.each([
  ['oci://local.test/skiff:1', 'LlamaCpp', '/models/model.gguf'],
  ['oci://r.example/a:1@sha256:0f?file=w/q4.gguf', 'LlamaCpp', '/models/w/q4.gguf'],
  ['oci://local.test/skiff:1', 'vLLM', '/models'],
  ['oci://local.test/skiff:1?file=hf', 'vLLM', '/models/hf'],
  ['oci://local.test/skiff:1', 'Custom', '/models'],
  ['oci://local.test/skiff:1?file=a.gguf', 'Custom', '/models/a.gguf'],
  ['pvc://claim', 'LlamaCpp', '/models/model.gguf'],
  ['pvc://claim/llama/q4.gguf', 'Ollama', '/models/llama/q4.gguf'],
  ['pvc://claim/llama-8b', 'vLLM', '/models/llama-8b'],
  ['hostpath:///srv/models/q4.gguf', 'LlamaCpp', '/models/q4.gguf'],
  ['hostpath:///srv/models/llama-8b', 'SGLang', '/models'],
  ['hf://org/model/q4.gguf?revision=v1', 'LlamaCpp', '/models/q4.gguf'],
  ['hf://org/model', 'vLLM', '/models'],
  ['https://h.example/a/q4.gguf?x=1#sha256=00', 'LlamaCpp', '/models/q4.gguf'],
  ['s3://bucket/a/q4.gguf', 'LlamaCpp', '/models/q4.gguf'],
  ['s3://bucket/a/llama-8b/', 'TGI', '/models'],
  ['gs://bucket/a/llama-8b', 'vLLM', '/models'],
])('%s is to %s: %s', (uri, type, modelPath) => {
  expect(of(uri, type).modelPath).toBe(modelPath);
});

test('an image, a claim and a folder of the node are mounted as they are, read-only', () => {
  const mount = { name: 'model', mountPath: '/models', readOnly: true };
  expect(of('oci://localhost:5000/a/b@sha256:0f')).toMatchObject({
    volumes: [
      {
        name: 'model',
        image: { reference: 'localhost:5000/a/b@sha256:0f', pullPolicy: 'IfNotPresent' },
      },
    ],
    volumeMounts: [mount],
  });
  expect(of('pvc://claim/a.gguf')).toMatchObject({
    volumes: [{ name: 'model', persistentVolumeClaim: { claimName: 'claim', readOnly: true } }],
    volumeMounts: [mount],
  });
  expect(of('hostpath:///srv/a/q4.gguf').volumes).toEqual([
    { name: 'model', hostPath: { path: '/srv/a', type: 'Directory' } },
  ]);
  expect(of('hostpath:///srv/a', 'vLLM').volumes).toEqual([
    { name: 'model', hostPath: { path: '/srv/a', type: 'Directory' } },
  ]);
});

test('what is downloaded has an init container, and the Secret is only referenced', async () => {
  const deployment = modelDeployment({
    engine: { type: 'vLLM' },
    source: { uri: 'hf://org/model?revision=v1', secretName: 'hub' },
  });
  const loader = { image: 'fairlead:1', hubEndpoint: 'https://hub.example' };
  const weights = weightsFor(deployment, { ...sourceSettings, loader });
  await expect(stringify(weights, { lineWidth: 0 })).toMatchFileSnapshot('golden/download.yaml');
});

test('where nodes cannot mount images, an init container pulls them with the pod’s secrets', async () => {
  const deployment = modelDeployment({
    source: { uri: 'oci://r.example/a:1' },
    podTemplate: { spec: { imagePullSecrets: [{ name: 'registry' }] } },
  });
  const weights = weightsFor(deployment, { ...sourceSettings, imageVolumes: false });
  await expect(stringify(weights, { lineWidth: 0 })).toMatchFileSnapshot('golden/pulled.yaml');
});

test.each([
  ['https://h.example/model.gguf', 'vLLM', /vLLM reads a folder, and https:\/\/ is one file/],
  ['hf://org/model', 'LlamaCpp', /one GGUF file; name it, such as hf:\/\/org\/model\/model-Q4/],
  ['s3://bucket/models/', 'Ollama', /Ollama reads one GGUF file.*s3:\/\/bucket\/models\/model-Q4/],
])('%s is nothing for %s', (uri, type, says) => {
  const engine = engines[type as keyof typeof engines];
  expect(weightsOf({ source: { uri } }, engine, sourceSettings)).toMatch(says);
});

test('a path of the node must be allowed', () => {
  const settings = { ...sourceSettings, isHostPathAllowed: (path: string) => path === '/srv/a' };
  expect(weightsOf({ source: { uri: 'hostpath:///srv/a' } }, engines.vLLM, settings)).toBeTypeOf(
    'object',
  );
  expect(weightsOf({ source: { uri: 'hostpath:///etc' } }, engines.vLLM, settings)).toMatch(
    /^spec\.source\.uri: \/etc is not below a folder that the chart's weights\.hostPaths allows/,
  );
});

test('an adapter that is mounted has a volume; what is downloaded comes while the pod runs', () => {
  const adapters = [
    { name: 'law', source: { uri: 'hf://org/law', secretName: 'hub' } },
    { name: 'med.v2', source: { uri: 'oci://r.example/med:1?file=lora' } },
  ];
  const source = { uri: 'pvc://claim' };
  const weights = weightsFor(modelDeployment({ engine: { type: 'vLLM' }, source, adapters }));
  expect(weights.adapters).toEqual([
    { name: 'law', uri: 'hf://org/law', secret: 'hub' },
    { name: 'med.v2', path: '/adapters/med.v2/lora' },
  ]);
  expect(weights.volumes.map(({ name }) => name)).toEqual(['model', 'adapter-1']);
  const paths = weights.volumeMounts.map(({ mountPath }) => mountPath);
  expect(paths).toEqual(['/models', '/adapters/med.v2']);
  expect(weights.initContainers).toBeUndefined();
});

test('what llama.cpp has from its start is loaded before it, each adapter by a loader of its own', () => {
  const adapters = [
    { name: 'law', source: { uri: 'hf://org/law/v2/law.gguf', secretName: 'hub' } },
    { name: 'med', source: { uri: 'oci://r.example/med:1' } },
    { name: 'tax', source: { uri: 's3://bucket/tax.gguf', cache: 'shared' } },
  ];
  const weights = weightsFor(modelDeployment({ source: { uri: 'pvc://claim' }, adapters }));
  expect(weights.adapters).toEqual([
    { name: 'law', path: '/adapters/law/law.gguf' },
    { name: 'med', path: '/adapters/med/model.gguf' },
    { name: 'tax', path: '/adapters/tax/tax.gguf' },
  ]);
  expect(weights.initContainers?.map(({ name }) => name)).toEqual(['weights-adapter-0']);
  expect(weights.loads?.map(({ claim }) => claim)).toEqual(['shared']);
});

test('a file name that llama.cpp would take for two is refused', () => {
  const source = { uri: 'pvc://claim' };
  const adapters = [{ name: 'law', source: { uri: 'https://h.example/law,v2.gguf' } }];
  expect(weightsOf({ source, adapters }, engines.LlamaCpp, sourceSettings)).toMatch(
    /^spec\.adapters\[law\]\.source\.uri: .*no comma and no colon; rename it/,
  );
});

test('an adapter that cannot be read is named', () => {
  const source = { uri: 'pvc://claim' };
  const adapters = [{ name: 'law', source: { uri: 'https://h.example/law.zip' } }];
  expect(weightsOf({ source, adapters }, engines.vLLM, sourceSettings)).toMatch(
    /^spec\.adapters\[law\]\.source\.uri: vLLM reads a folder/,
  );
});
