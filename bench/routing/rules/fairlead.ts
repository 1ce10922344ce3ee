import { listOf } from '../../../router/balance/block-list.ts';
import {
  choosePrefixAware,
  matchedShare,
  type Prompt,
  uncachedTokens,
} from '../../../router/balance/prefix-aware.ts';
import { type LoadShare, ReplicaLoad } from '../../../router/balance/replica-load.ts';
import { TokenEstimates } from '../../../router/balance/token-estimates.ts';
import type { SimRequest } from '../request.ts';
import { type News, promptOf, type Rule, type RuleContext } from './rule.ts';

/** The block by which cold prompts are told apart, as in router/balance/balancer.ts: about 1 KiB. */
const keyTokens = 256;

/** What the router does: its own code, with prompts whose tokens are known. */
export class PrefixAware implements Rule {
  readonly #context: RuleContext;
  readonly #loads: ReplicaLoad[];
  readonly #shares = new Map<SimRequest, LoadShare>();
  readonly #estimates = new TokenEstimates();
  #sent: { replica: number; blocks: Int32Array }[] = [];

  /** @param capacityTokens what the router takes a replica's cache to hold */
  constructor(context: RuleContext, capacityTokens = context.model.kvTokens) {
    this.#context = context;
    const blocks = capacityTokens / context.blockTokens;
    this.#loads = Array.from(
      { length: context.replicas },
      (_, replica) => new ReplicaLoad(`replica-${replica}`, blocks),
    );
    for (const load of this.#loads) load.kvTokens = capacityTokens;
  }

  hasRoom(replica: number, isFirst: boolean): boolean {
    const { inFlight = 0, hasRoom = true } = this.#loads[replica] ?? {};
    return inFlight < this.#context.model.maxSequences && (isFirst || hasRoom);
  }

  fit(request: SimRequest, among: readonly number[]): number {
    const loads = among.map((replica) => this.#loads[replica] as ReplicaLoad);
    return matchedShare(loads, promptOf(request));
  }

  pick(request: SimRequest, among?: readonly number[]): number {
    const prompt = this.#promptOf(request);
    const nowMs = this.#context.nowMs();
    for (const load of this.#loads) load.observe(this.#loads.length, nowMs);
    const loads = among?.map((replica) => this.#loads[replica] as ReplicaLoad) ?? this.#loads;
    const choice = choosePrefixAware(loads, prompt);
    const { at, matchedBlocks } = choice ?? { at: 0, matchedBlocks: 0 };
    const { tokens: promptTokens, blocks, tokensPerUnit, answerTokens } = prompt;
    this.#shares.set(request, {
      ...{ promptTokens, blocks, tokensPerUnit, answerTokens, isStreamed: true },
      uncachedTokens: uncachedTokens(prompt, matchedBlocks),
    });
    return among?.[at] ?? at;
  }

  sent(request: SimRequest, replica: number): void {
    const share = this.#shares.get(request);
    if (share) this.#loads[replica]?.sent(share, this.#context.nowMs());
    const blocks = promptOf(request);
    this.#sent.push({ replica, blocks });
  }

  firstToken(request: SimRequest, replica: number): void {
    const share = this.#shares.get(request);
    if (share) this.#loads[replica]?.computed(share, this.#context.nowMs());
  }

  finished(request: SimRequest, replica: number): void {
    const share = this.#shares.get(request);
    if (share) this.#loads[replica]?.ended(share);
    this.#shares.delete(request);
    this.#estimates.learn('', 0, { outputTokens: request.outputTokens });
  }

  tell(): News {
    const loads = this.#loads.map(({ inFlight, pendingTokens }) => ({ inFlight, pendingTokens }));
    const prompts = this.#sent;
    this.#sent = [];
    return { loads, prompts };
  }

  hear(news: readonly News[]): void {
    for (const [replica, load] of this.#loads.entries()) {
      const sum = (of: 'inFlight' | 'pendingTokens') =>
        news.reduce((total, { loads }) => total + (loads[replica]?.[of] ?? 0), 0);
      const elsewhere = { inFlight: sum('inFlight'), pendingTokens: sum('pendingTokens') };
      load.hear(elsewhere, this.#context.nowMs());
    }
    for (const { prompts } of news) {
      for (const { replica, blocks } of prompts)
        this.#loads[replica]?.prefixes.take(listOf(blocks));
    }
  }

  #promptOf(request: SimRequest): Prompt {
    const { blockTokens, random } = this.#context;
    const blocks = promptOf(request);
    const chance = random.below(2 ** 32);
    const keyBlock = Math.min(Math.floor(keyTokens / blockTokens), blocks.length - 1);
    return {
      tokens: request.inputTokens,
      blocks,
      tokensPerUnit: blockTokens,
      answerTokens: this.#estimates.answer(''),
      key: blocks[keyBlock] ?? chance,
      chance,
      concurrency: this.#context.model.maxSequences,
    };
  }
}
