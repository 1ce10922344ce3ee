import { setTimeout as delay } from 'node:timers/promises';
import { type Dispatcher, request } from 'undici';
import type { Replica } from '../catalog/model.ts';

/** Pauses before further tries at an engine that does not answer; milliseconds. */
const pausesMs = [1_000, 5_000, 30_000];
const timeoutMs = 2_000;

/**
 * How many tokens an engine's key-value memory holds, by its metrics: vLLM's `cache_config_info` and SGLang's
 * `max_total_num_tokens`. Undefined where they do not say.
 */
export function kvTokensIn(metrics: string): number | undefined {
  const vllm = /^vllm:cache_config_info\{(.*)\} /m.exec(metrics)?.[1];
  if (vllm !== undefined) {
    const label = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(vllm)?.[1]);
    return (
      positive(label('kv_cache_size_tokens')) ??
      positive(label('num_gpu_blocks') * label('block_size'))
    );
  }
  return positive(Number(/^sglang:max_total_num_tokens(?:\{.*\})? (\S+)$/m.exec(metrics)?.[1]));
}

function positive(tokens: number): number | undefined {
  return tokens > 0 ? tokens : undefined;
}

/** Asks each replica once, when it comes, how many tokens it can hold. */
export class KvCapacities {
  readonly #known: (replicaId: string, tokens: number) => void;
  readonly #dispatcher: Dispatcher;
  readonly #pausesMs: readonly number[];
  /** Replicas that are being asked or were. */
  readonly #asked = new Map<string, AbortController>();

  /** @param known told of a replica's capacity */
  constructor(
    known: (replicaId: string, tokens: number) => void,
    dispatcher: Dispatcher,
    pauses: readonly number[] = pausesMs,
  ) {
    this.#known = known;
    this.#dispatcher = dispatcher;
    this.#pausesMs = pauses;
  }

  /** Asks those that are new, and forgets those that are not among these. */
  retain(replicas: readonly Replica[]): void {
    const present = new Set(replicas.map(({ id }) => id));
    for (const [id, asking] of this.#asked) {
      if (present.has(id)) continue;
      asking.abort();
      this.#asked.delete(id);
    }
    for (const replica of replicas) {
      if (this.#asked.has(replica.id)) continue;
      const asking = new AbortController();
      this.#asked.set(replica.id, asking);
      void this.#ask(replica, asking.signal);
    }
  }

  async #ask({ id, host, port }: Replica, signal: AbortSignal): Promise<void> {
    for (const pauseMs of [...this.#pausesMs, undefined]) {
      try {
        const { statusCode, body } = await request(`http://${host}:${port}/metrics`, {
          dispatcher: this.#dispatcher,
          signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
        });
        const text = await body.text();
        const tokens = statusCode === 200 ? kvTokensIn(text) : undefined;
        if (tokens !== undefined && !signal.aborted) this.#known(id, tokens);
        return;
      } catch {
        if (pauseMs === undefined) return;
        await delay(pauseMs, undefined, { signal }).catch(() => {});
        if (signal.aborted) return;
      }
    }
  }
}
