import { expect, test } from 'vitest';
import { engines } from '../engines/engines.ts';
import { modelDeployment } from '../testing/fixtures.ts';
import { fitOf } from './fit.ts';

const fitting = (type: keyof typeof engines, args: string[] = [], profile = { memoryGiB: 24 }) => {
  const { spec } = modelDeployment({
    engine: { type, args, contextLength: 4096 },
    accelerator: { profile: 'gpu', count: 2 },
  });
  return fitOf(engines[type], spec, profile);
};

test('the share of all accelerators of a replica', () => {
  expect(fitting('vLLM')).toEqual({
    availableBytes: 0.9 * 48 * 2 ** 30,
    shown: '90 % of 2 × 24 GiB',
    contextLength: 4096,
  });
});

test.each<[keyof typeof engines, string[], string]>([
  ['vLLM', ['--gpu-memory-utilization', '0.5'], '50 %'],
  ['vLLM', ['--gpu_memory_utilization=0.95'], '95 %'],
  ['SGLang', ['--mem-fraction-static 0.8'], '80 %'],
  ['TGI', [], '100 %'],
])('%s with %j uses %s', (type, args, share) => {
  expect(fitting(type, args)?.shown).toMatch(share);
});

test.each<[keyof typeof engines, string[]]>([
  ['vLLM', ['--quantization=fp8']],
  ['vLLM', ['--kv-cache-dtype', 'fp8']],
  ['SGLang', ['--cpu-offload-gb=8']],
  ['TGI', ['--quantize', 'awq']],
  ['LlamaCpp', []],
  ['Ollama', []],
  ['Custom', []],
])('of %s with %j nothing is claimed', (type, args) => {
  expect(fitting(type, args)).toBeUndefined();
});

test('nothing is claimed of a profile without memoryGiB, and of the CPU', () => {
  const { spec } = modelDeployment({ engine: { type: 'vLLM' } });
  expect(fitOf(engines.vLLM, spec, { resourceName: 'nvidia.com/gpu' })).toBeUndefined();
  expect(fitOf(engines.vLLM, spec, undefined)).toBeUndefined();
});
