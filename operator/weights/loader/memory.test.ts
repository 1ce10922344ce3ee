import { expect, test } from 'vitest';
import { cacheBytesPerToken, requireFit } from './memory.ts';

/** Llama 3.1 8B. */
const llama = {
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  hidden_size: 4096,
  max_position_embeddings: 131_072,
};
const gib = 2 ** 30;
const weights = 15 * gib;
const fitting = (gibs: number, contextLength?: number) => ({
  availableBytes: gibs * gib,
  shown: '90 % of 1 × 24 GiB',
  ...(contextLength && { contextLength }),
});

test('keys and values of every layer, in 16 bits', () => {
  expect(cacheBytesPerToken(llama)).toBe(131_072);
  expect(cacheBytesPerToken({ text_config: llama })).toBe(131_072);
  expect(cacheBytesPerToken({ ...llama, head_dim: 256 })).toBe(262_144);
});

test.each([
  [{}],
  [{ ...llama, sliding_window: 4096 }],
  [{ ...llama, layer_types: ['full_attention', 'sliding_attention'] }],
  [{ ...llama, kv_lora_rank: 512 }],
])('of %j nothing is claimed', (config) => {
  expect(cacheBytesPerToken(config)).toBeUndefined();
});

test('the numbers are told', () => {
  expect(() => requireFit(fitting(21.6), weights, llama)).toThrow(
    '15.0 GiB of weights and 16.0 GiB of cache for a request of 131072 tokens do not fit into 21.6 GiB (90 % of 1 × 24 GiB): lower spec.engine.contextLength, raise spec.accelerator.count',
  );
  expect(() => requireFit(fitting(10), weights, undefined)).toThrow(
    /^15\.0 GiB of weights do not fit into 10\.0 GiB/,
  );
});

test.each([
  ['a shorter context', fitting(21.6, 16_384), llama],
  ['more memory', fitting(43.2), llama],
  ['a cache that nothing is claimed of', fitting(21.6), { ...llama, sliding_window: 4096 }],
  ['weights alone', fitting(21.6), undefined],
])('%s fits', (_case, given, config) => {
  expect(() => requireFit(given, weights, config)).not.toThrow();
});
