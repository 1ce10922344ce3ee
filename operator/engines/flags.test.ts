import { describe, expect, test } from 'vitest';
import { modelDeployment } from '../testing/fixtures.ts';
import { engines } from './engines.ts';
import type { OwnedFlag } from './refused-flags.ts';
import { sglangOwned } from './sglang.ts';
import { tgiOwned } from './tgi.ts';
import { vllmOwned } from './vllm.ts';

const specOf = (type: string, rest: object) => modelDeployment({ engine: { type, ...rest } }).spec;

test.each<[string, object, string, RegExp]>([
  ['vLLM', { args: ['--max-model-len', '8'] }, '--max-model-len', /contextLength/],
  ['vLLM', { args: ['--max_model_len=8'] }, '--max_model_len', /contextLength/],
  ['vLLM', { args: ['-v', '--served-model-name x'] }, '--served-model-name', /servedName/],
  ['vLLM', { env: [{ name: 'VLLM_API_KEY', value: 'x' }] }, 'VLLM_API_KEY', /no key/],
  ['vLLM', { kvEvents: true, args: ['--kv-events-config={}'] }, '--kv-events-config', /kvEvents/],
  ['vLLM', { kvEvents: true, args: ['-dp', '2'] }, '-dp', /kvEvents/],
  ['SGLang', { args: ['--max-running-requests=8'] }, '--max-running-requests', /maxConcurrency/],
  ['TGI', { args: ['-p', '1'] }, '-p', /address/],
  ['TGI', { env: [{ name: 'MAX_TOTAL_TOKENS', value: '1' }] }, 'MAX_TOTAL_TOKENS', /contextLength/],
  ['Ollama', { env: [{ name: 'OLLAMA_HOST', value: 'x' }] }, 'OLLAMA_HOST', /address/],
  ['Ollama', { args: ['--anything'] }, '--anything', /takes no arguments/],
])('%s refuses %j and says what to use', (type, engine, what, remedy) => {
  const refusal = engines[type as keyof typeof engines].refusal(specOf(type, engine));
  expect(refusal).toMatchObject({ what, remedy: expect.stringMatching(remedy) });
});

test.each([
  ['vLLM', ['--kv-events-config', '{}', '--data-parallel-size', '2']],
  ['vLLM', ['--dtype', 'float32', '--gpu-memory-utilization=0.8', '--shutdown-timeout=5']],
  ['SGLang', ['--mem-fraction-static', '0.8']],
  ['TGI', ['--quantize', 'awq']],
  ['Custom', ['--port', '1']],
])('%s lets %j pass', (type, args) => {
  const engine = engines[type as keyof typeof engines];
  expect(engine.refusal(specOf(type, { args }))).toBeUndefined();
});

test('vLLM is readied for adapters that come while it serves', () => {
  const input = { servedName: 'org/m', modelPath: '/m', takesAdapters: true };
  const none = { adapterPaths: [], accelerators: 1 };
  const argsOf = (args: string[]) =>
    engines.vLLM.args({ ...input, ...none, spec: specOf('vLLM', { args }) });
  const readied = ['--enable-lora', '--max-loras', '4', '--max-cpu-loras', '16'];
  expect(argsOf([]).slice(7, 12)).toEqual(readied);
  expect(argsOf(['--max-loras=1', '--max-cpu-loras', '2']).slice(7, 9)).toEqual([
    '--enable-lora',
    '--shutdown-timeout',
  ]);
  const variables = engines.vLLM.env({ ...input, ...none, spec: specOf('vLLM', {}) });
  expect(variables).toContainEqual({ name: 'VLLM_ALLOW_RUNTIME_LORA_UPDATING', value: 'True' });
});

describe.each<[keyof typeof engines, readonly OwnedFlag[], string[]]>([
  ['vLLM', vllmOwned, ['--tensor-parallel-size', '--shutdown-timeout']],
  ['SGLang', sglangOwned, ['--tp-size']],
  ['TGI', tgiOwned, ['--num-shard']],
])('%s', (type, owned, defaults) => {
  const argsOf = (args: string[] = []) =>
    engines[type].args({
      spec: specOf(type, { contextLength: 1, maxConcurrency: 1, args }),
      servedName: 'skiff',
      modelPath: '/m',
      takesAdapters: false,
      adapterPaths: [],
      accelerators: 2,
    });

  test('every flag that Fairlead gives is refused to the user, but those that are defaults', () => {
    const refused = owned.flatMap(({ flags }) => flags);
    const allowed = argsOf().filter((one) => one.startsWith('--') && !refused.includes(one));
    expect(allowed).toEqual(defaults);
  });

  test('a default that the user gives is left out', () => {
    const args = argsOf(defaults.map((flag) => `${flag}=1`));
    for (const flag of defaults) expect(args).not.toContain(flag);
  });
});
