import { expect, test } from 'vitest';
import { modelDeployment } from '../testing/fixtures.ts';
import { llamaCpp } from './llamacpp.ts';
import { llamaCppOwned } from './llamacpp-flags.ts';

const engine = (rest: Record<string, unknown>) =>
  modelDeployment({ engine: { type: 'LlamaCpp', ...rest } }).spec;
const argsOf = (spec: Record<string, unknown>, adapterPaths: string[] = []) =>
  llamaCpp
    .args({
      spec: modelDeployment(spec).spec,
      servedName: 'skiff',
      modelPath: '/m',
      takesAdapters: false,
      adapterPaths,
      accelerators: 0,
    })
    .join(' ');

test.each([
  [['--port', '1'], '--port', 'Fairlead chooses the address'],
  [['--port=1'], '--port', 'Fairlead chooses the address'],
  [['-v', '-m', 'x.gguf'], '-m', 'spec.source.uri'],
  [['-c', '4096'], '-c', 'spec.engine.contextLength'],
  [['--parallel', '2'], '--parallel', 'spec.engine.maxConcurrency'],
  [['--alias', 'x'], '--alias', 'spec.servedName'],
  [['--embeddings'], '--embeddings', 'spec.engine.features'],
  [['--api-key', 'x'], '--api-key', 'The router sends no key'],
])('the arguments %j are refused with what to use instead', (args, what, remedy) => {
  const refusal = llamaCpp.refusal(engine({ args }));
  expect(refusal).toMatchObject({ field: 'spec.engine.args', what });
  expect(refusal?.remedy).toContain(remedy);
});

test('a variable that does the same as a refused flag is refused', () => {
  const env = [{ name: 'LLAMA_ARG_PORT', value: '1' }];
  expect(llamaCpp.refusal(engine({ env }))).toMatchObject({
    field: 'spec.engine.env',
    what: 'LLAMA_ARG_PORT',
  });
});

test.each([
  [undefined],
  [['--no-mmap']],
  [['--threads', '2', '--pooling', 'cls', '--model-draft', 'x']],
])('the arguments %j are allowed', (args) => {
  expect(llamaCpp.refusal(engine({ ...(args && { args }) }))).toBeUndefined();
});

test('every flag that Fairlead gives is refused to the user, but those that only are defaults', () => {
  const given = argsOf({
    engine: { type: 'LlamaCpp', contextLength: 1, features: ['Embeddings'] },
    resources: { limits: { cpu: 1 } },
  });
  const refused = llamaCppOwned.flatMap(({ flags }) => flags);
  const allowed = given
    .split(' ')
    .filter((argument) => argument.startsWith('--') && !refused.includes(argument));
  expect(allowed).toEqual(['--threads', '--pooling']);
});

test('adapters are off until a request asks for one, and no prompt is kept unless it says so', () => {
  const files = ['/adapters/law/law.gguf', '/adapters/med/med.gguf'];
  expect(argsOf({}, files)).toContain(`--lora-scaled ${files.join(':0,')}:0 --no-cache-prompt`);
});

test.each([['--lora'], ['--no-cache-prompt']])(
  '%s is refused to a model with adapters, and to no other',
  (flag) => {
    const spec = engine({ args: [flag] });
    const adapters = [{ name: 'law', source: { uri: 'hf://o/law/law.gguf' } }];
    expect(llamaCpp.refusal(spec)).toBeUndefined();
    expect(llamaCpp.refusal({ ...spec, adapters })).toMatchObject({ what: flag });
  },
);

test('the context is what one request may use times the requests at once', () => {
  const context = { type: 'LlamaCpp', contextLength: 1000 };
  expect(argsOf({ engine: context })).toContain('--parallel 4 --ctx-size 4000');
  expect(argsOf({ engine: { ...context, maxConcurrency: 3 } })).toContain('--ctx-size 3000');
  expect(argsOf({})).not.toContain('--ctx-size');
});

test.each([
  [{ limits: { cpu: '1500m' } }, '--threads 2'],
  [{ limits: { cpu: 4 }, requests: { cpu: 1 } }, '--threads 4'],
  [{ requests: { cpu: '100m' } }, '--threads 1'],
])('CPU of %j means %s', (resources, expected) => {
  expect(argsOf({ resources })).toContain(expected);
});

test.each([
  [{}],
  [{ resources: { limits: { memory: '1Gi' } } }],
  [{ resources: { limits: { cpu: '5G' } } }],
])('with %j the engine chooses its threads', (spec) => {
  expect(argsOf(spec)).not.toContain('--threads');
});

test.each([
  [['Embeddings'], '--embeddings --pooling mean'],
  [['Rerank'], '--reranking'],
])('the features %j mean %s', (features, expected) => {
  expect(argsOf({ engine: { type: 'LlamaCpp', features } })).toContain(expected);
});
