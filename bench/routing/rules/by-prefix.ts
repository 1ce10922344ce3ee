import type { SimRequest } from '../request.ts';
import { type EngineState, PrefixRule } from './rule.ts';

/**
 * SGLang's router (SMG), `cache_aware` (https://docs.sglang.io/advanced_features/router.html): while the
 * loads differ by more than 64 and 1.5 ×, the least loaded; else the longest match, if it is above 0.3;
 * else the least loaded.
 */
export class CacheAware extends PrefixRule {
  override pick(request: SimRequest): number {
    const most = Math.max(...this.inFlight);
    const fewest = Math.min(...this.inFlight);
    const load = (replica: number) => this.loadOf(replica);
    if (most - fewest > 64 && most > 1.5 * fewest) return this.least(load);
    const shares = this.inFlight.map((_, replica) => this.matchedShare(request, replica));
    const longest = Math.max(...shares);
    if (longest <= 0.3) return this.least(load);
    return this.least((replica) =>
      shares[replica] === longest ? load(replica) : Number.POSITIVE_INFINITY,
    );
  }
}

/**
 * Gateway API Inference Extension's scorers as llm-d weights them
 * (https://llm-d.ai/docs/architecture/Components/inf-scheduler): 3 × share of the prompt that matches,
 * 2 × shortness of the engine's queue, 2 × free KV memory.
 */
export class WeightedScores extends PrefixRule {
  override pick(request: SimRequest): number {
    const { engineState, replicas } = this.context;
    const states = Array.from({ length: replicas }, (_, replica) => engineState(replica));
    const queues = states.map(({ waiting }) => waiting);
    const longest = Math.max(...queues);
    const spread = longest - Math.min(...queues);
    return this.least((replica) => {
      const { waiting, kvUsedShare } = states[replica] as EngineState;
      const short = spread === 0 ? 1 : (longest - waiting) / spread;
      return -(3 * this.matchedShare(request, replica) + 2 * short + 2 * (1 - kvUsedShare));
    });
  }
}

/**
 * llm-d's affinity filter and token load (https://llm-d.ai/docs/guides/optimized-baseline): replicas that
 * match at least 0.8 of the prompt, unless the best of them is expected to answer 18 s later than the
 * best of the others; among those left, the one with the fewest tokens in flight.
 */
export class AffinityFilter extends PrefixRule {
  readonly #gateS = 18;

  override pick(request: SimRequest): number {
    const sticky: number[] = [];
    const others: number[] = [];
    for (let replica = 0; replica < this.context.replicas; replica++) {
      (this.matchedShare(request, replica) >= 0.8 ? sticky : others).push(replica);
    }
    const least = (among: number[]) =>
      Math.min(...among.map((replica) => this.pendingOf(replica))) /
      this.context.model.prefillTokensPerS;
    const all = sticky.length === 0 || least(sticky) - least(others) > this.#gateS;
    const allowed = new Set(all ? [...sticky, ...others] : sticky);
    return this.least((replica) =>
      allowed.has(replica) ? this.pendingOf(replica) : Number.POSITIVE_INFINITY,
    );
  }
}

/**
 * NVIDIA Dynamo's KV router (https://docs.nvidia.com/dynamo/latest/router/README.html): blocks to
 * compute there, the queued ones among them, plus blocks that active sequences hold.
 */
export class BlockCost extends PrefixRule {
  readonly #active: number[] = new Array(this.context.replicas).fill(0);

  override pick(request: SimRequest): number {
    const { blockTokens } = this.context;
    return this.least((replica) => {
      const prefill = this.pendingOf(replica) + this.uncachedTokens(request, replica);
      return prefill / blockTokens + (this.#active[replica] ?? 0);
    });
  }

  override sent(request: SimRequest, replica: number): void {
    super.sent(request, replica);
    this.#active[replica] = (this.#active[replica] ?? 0) + this.#blocks(request);
  }

  override finished(request: SimRequest, replica: number): void {
    super.finished(request, replica);
    this.#active[replica] = (this.#active[replica] ?? 0) - this.#blocks(request);
  }

  #blocks({ inputTokens }: SimRequest): number {
    return Math.ceil(inputTokens / this.context.blockTokens);
  }
}

/** LMetric (https://arxiv.org/abs/2603.15202): tokens to compute there × requests there. */
export class Product extends PrefixRule {
  override pick(request: SimRequest): number {
    return this.least((replica) => {
      const tokens = this.pendingOf(replica) + this.uncachedTokens(request, replica);
      return tokens * (this.loadOf(replica) + 1);
    });
  }
}
