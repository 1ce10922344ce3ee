import type { Fit } from '../fit.ts';
import { LoadError } from './errors.ts';

/** `config.json` of a model in Hugging Face's layout, as far as the cache's size depends on it. */
interface ModelConfig {
  num_hidden_layers?: number;
  num_attention_heads?: number;
  num_key_value_heads?: number;
  head_dim?: number;
  hidden_size?: number;
  max_position_embeddings?: number;
  sliding_window?: number | null;
  layer_types?: unknown;
  kv_lora_rank?: number | null;
  /** Models of text and pictures have the text's part here. */
  text_config?: ModelConfig;
}

const bytesPerNumber = 2;

/**
 * Bytes of cache for a token in 16 bits: keys and values of every layer.
 * @returns undefined for a model whose layers do not all keep every token in this way
 */
export function cacheBytesPerToken(config: ModelConfig): number | undefined {
  const text = config.text_config ?? config;
  const { num_hidden_layers: layers, num_attention_heads: heads, hidden_size: size } = text;
  if (!layers || !heads || !size) return undefined;
  if (text.sliding_window || text.layer_types || text.kv_lora_rank) return undefined;
  const { num_key_value_heads: keyHeads = heads, head_dim: headSize = size / heads } = text;
  return 2 * layers * keyHeads * headSize * bytesPerNumber;
}

/**
 * Refuses weights that cannot run: better said before they are loaded than by the engine after it.
 * @param config absent: the weights alone are judged
 * @throws LoadError with the numbers
 */
export function requireFit(fit: Fit, weightsBytes: number, config: ModelConfig | undefined): void {
  const perToken = config && cacheBytesPerToken(config);
  const limit = (config?.text_config ?? config)?.max_position_embeddings;
  const tokens = fit.contextLength ?? limit ?? 0;
  const cacheBytes = (perToken ?? 0) * tokens;
  if (weightsBytes + cacheBytes <= fit.availableBytes) return;
  const cache =
    cacheBytes > 0
      ? ` and ${gibibytes(cacheBytes)} of cache for a request of ${tokens} tokens`
      : '';
  throw new LoadError(
    'TooLarge',
    `${gibibytes(weightsBytes)} of weights${cache} do not fit into ${gibibytes(fit.availableBytes)} (${fit.shown})`,
  );
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
