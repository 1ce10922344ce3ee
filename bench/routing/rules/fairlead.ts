import { unitsBefore } from '../../../router/balance/blocks.ts';
import {
  choosePrefixAware,
  type Prompt,
  uncachedTokens,
} from '../../../router/balance/prefix-aware.ts';
import { type LoadShare, ReplicaLoad } from '../../../router/balance/replica-load.ts';
import { TokenEstimates } from '../../../router/balance/token-estimates.ts';
import type { SimRequest } from '../request.ts';
import { promptOf, type Rule, type RuleContext } from './rule.ts';

/** The block by which cold prompts are told apart, as in router/balance/balancer.ts: about 1 KiB. */
const keyTokens = 256;

/** What the router does: its own code, with prompts whose tokens are known. */
export class PrefixAware implements Rule {
  readonly #context: RuleContext;
  readonly #loads: ReplicaLoad[];
  readonly #shares = new Map<SimRequest, LoadShare>();
  readonly #estimates = new TokenEstimates();

  /** @param capacityTokens what the router takes a replica's cache to hold */
  constructor(context: RuleContext, capacityTokens = context.model.kvTokens) {
    this.#context = context;
    const blocks = capacityTokens / context.blockTokens;
    this.#loads = Array.from(
      { length: context.replicas },
      (_, replica) => new ReplicaLoad(`replica-${replica}`, blocks),
    );
  }

  pick(request: SimRequest): number {
    const prompt = this.#promptOf(request);
    for (const load of this.#loads) load.observe(this.#loads.length);
    const { at, matchedBlocks } = choosePrefixAware(this.#loads, prompt) ?? {
      at: 0,
      matchedBlocks: 0,
    };
    const uncached = uncachedTokens(prompt, matchedBlocks);
    const answerTokens = this.#estimates.answer('');
    const units = unitsBefore[prompt.blocks.length] ?? 0;
    const matchedUnits = unitsBefore[matchedBlocks] ?? 0;
    this.#estimates.matched('', matchedUnits / Math.max(1, units));
    this.#shares.set(request, { uncachedTokens: uncached, answerTokens });
    return at;
  }

  sent(request: SimRequest, replica: number): void {
    const share = this.#shares.get(request);
    if (share) this.#loads[replica]?.sent(share);
    this.#loads[replica]?.prefixes.add(promptOf(request));
  }

  firstToken(request: SimRequest, replica: number): void {
    const share = this.#shares.get(request);
    if (share) this.#loads[replica]?.computed(share);
  }

  finished(request: SimRequest, replica: number): void {
    const share = this.#shares.get(request);
    if (share) this.#loads[replica]?.ended(share);
    this.#shares.delete(request);
    this.#estimates.learn('', 0, { outputTokens: request.outputTokens });
  }

  #promptOf(request: SimRequest): Prompt {
    const { blockTokens, random } = this.#context;
    const blocks = promptOf(request);
    const keyBlock = Math.min(Math.floor(keyTokens / blockTokens), blocks.length - 1);
    return {
      tokens: request.inputTokens,
      blocks,
      tokensPerUnit: blockTokens,
      sharing: this.#estimates.sharing(''),
      key: blocks[keyBlock] ?? random.below(2 ** 32),
    };
  }
}
