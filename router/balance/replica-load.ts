import { BlockLru } from './block-lru.ts';
import { unitsBefore } from './blocks.ts';
import { hashText } from './hash.ts';
import { PrefillRate } from './prefill-rate.ts';

/** A request's share in a replica's load. */
export interface LoadShare {
  readonly promptTokens: number;
  /** Those of them that the replica is expected to compute. */
  readonly uncachedTokens: number;
  /** Blocks of the prompt that others may share; none where prompts are not compared. */
  readonly blocks: Int32Array;
  readonly tokensPerUnit: number;
  /** Tokens that the answer is expected to have. */
  readonly answerTokens: number;
  /** The answer's first byte tells that the prompt is computed; without a stream it comes with the last. */
  readonly isStreamed: boolean;
}

/** What other routers have open at a replica, as they said. */
export interface LoadElsewhere {
  readonly inFlight: number;
  readonly pendingTokens: number;
}

/** No other router has anything there. */
export const nowhere: LoadElsewhere = { inFlight: 0, pendingTokens: 0 };

/** A request that a replica was sent, as the replica's own events tell of it. */
export interface TrackedPrompt {
  /** Goes with the request as `x-session-id`, and comes back in the events of the blocks that it stores. */
  readonly session: string;
  /** It is over. @param tokens of its prompt, as the engine counts them */
  ended(tokens: number): void;
}

/** Follows what a replica tells of its prefix cache. */
export interface PromptTracker {
  /** A prompt is sent there. @param blocks of its text */
  track(blocks: Int32Array, promptBytes: number): TrackedPrompt;
}

/** What this router knows of one replica: what it has sent there, and what came back. */
export class ReplicaLoad {
  /** The replica's id as a number, for rendezvous hashing: the same in every router. */
  readonly seed: number;
  /** The beginnings of prompts that it is thought to have in its prefix cache. */
  readonly prefixes: BlockLru;
  /** The share of recent decisions at which it had prompts to compute. */
  busyShare = 0;
  /** What the other routers have there. */
  elsewhere: LoadElsewhere = nowhere;
  /** Tokens that its key-value memory holds, where it is known. */
  kvTokens = Number.POSITIVE_INFINITY;
  /** Present while the replica tells what it has in its prefix cache. */
  tracker: PromptTracker | undefined;
  /** Open requests of this router. */
  inFlight = 0;
  /** Tokens of open requests, prompts and answers, each for itself. */
  openTokens = 0;
  /** Prompt tokens that are sent and not known to be computed. */
  pendingTokens = 0;
  /** At the last decision: prompt tokens of all routers that are still to be computed, as far as can be told. */
  waitTokens = 0;
  /** Of what is pending, the prompts of streams, and their tokens. */
  #streams = 0;
  #streamTokens = 0;
  /** When the prompt began that is being computed; milliseconds. */
  #begunMs = 0;
  readonly #rate = new PrefillRate();
  /** What open requests have there beside the blocks of {@link prefixes}. */
  #unsharedTokens = 0;
  #tokensPerUnit = 0;
  /** Tokens of a request, and those that were not there before it; on average over the latest. */
  #openEach = 0;
  #addedEach = 0;
  /** Requests whose prompts are not known to be computed, in the order in which they were sent. */
  readonly #pending = new Set<LoadShare>();

  /**
   * @param id the replica's
   * @param capacityUnits how much its prefix cache is taken to hold
   */
  constructor(id: string, capacityUnits: number) {
    this.seed = hashText(id);
    this.prefixes = new BlockLru(capacityUnits);
  }

  /**
   * Whether another prompt would be computed soon: few of this router's wait there, and its memory is not
   * nearly full. Beyond that it is better kept back, where a more urgent one can pass it and a replica with room can
   * take it. Prompts of answers that are not streamed do not count as waiting: nobody knows when they are
   * computed.
   */
  get hasRoom(): boolean {
    if (this.inFlight > 0 && this.usedShare > shareForAll) return false;
    if (this.inFlight > 0 && this.allOpenTokens > mostOpen * this.kvTokens) return false;
    return this.#streams === 0 || this.#streamTokens < tokensInQueue;
  }

  /** Open requests of all routers. */
  get allInFlight(): number {
    return this.inFlight + this.elsewhere.inFlight;
  }

  /** {@link openTokens} of all routers, were others' requests like this one's. */
  get allOpenTokens(): number {
    return this.openTokens + this.elsewhere.inFlight * this.#openEach;
  }

  /** The share of its memory that open requests of all routers will have used when they are complete; at most 1. */
  get usedShare(): number {
    const own = this.prefixes.usedUnits * this.#tokensPerUnit + this.#unsharedTokens;
    return Math.min(1, (own + this.elsewhere.inFlight * this.#addedEach) / this.kvTokens);
  }

  /** {@link pendingTokens} of all routers. */
  get allPendingTokens(): number {
    return this.pendingTokens + this.elsewhere.pendingTokens;
  }

  /** A request is sent there. */
  sent(share: LoadShare, nowMs: number): void {
    const { promptTokens, uncachedTokens, answerTokens } = share;
    if (this.allPendingTokens === 0) this.#begunMs = nowMs;
    this.inFlight++;
    this.openTokens += promptTokens + answerTokens;
    this.#openEach += (promptTokens + answerTokens - this.#openEach) / sizeWindow;
    this.#addedEach += (uncachedTokens + answerTokens - this.#addedEach) / sizeWindow;
    this.#tokensPerUnit = share.tokensPerUnit;
    this.prefixes.use(share.blocks);
    this.#unsharedTokens += unsharedTokens(share);
    this.#pending.add(share);
    this.#count(share, 1);
  }

  /**
   * A request's answer has begun: its prompt is computed, and since engines take prompts in their order,
   * so are those sent before it. That also settles requests that are not streamed, whose first byte
   * comes with their last.
   */
  computed(share: LoadShare, nowMs: number): void {
    if (!this.#pending.has(share)) return;
    const pendingTokens = this.pendingTokens;
    for (const earlier of this.#pending) {
      this.#settle(earlier);
      if (earlier === share) break;
    }
    if (share.isStreamed) {
      this.#rate.learn(pendingTokens - this.pendingTokens, nowMs - this.#begunMs);
    }
    this.#begunMs = nowMs;
  }

  /** A request is over. To be called once for each that was sent. */
  ended(share: LoadShare): void {
    this.inFlight--;
    this.openTokens -= share.promptTokens + share.answerTokens;
    this.prefixes.free(share.blocks);
    this.#unsharedTokens -= unsharedTokens(share);
    this.#settle(share);
  }

  /** Other routers have told what they have there. */
  hear(elsewhere: LoadElsewhere, nowMs: number): void {
    const isBegun =
      this.allPendingTokens === 0 || elsewhere.pendingTokens < this.elsewhere.pendingTokens;
    if (isBegun) this.#begunMs = nowMs;
    this.elsewhere = elsewhere;
  }

  /** Takes note at a decision among `candidates` replicas of what there is to compute. */
  observe(candidates: number, nowMs: number): void {
    const isBusy = this.allPendingTokens > 0 ? 1 : 0;
    this.busyShare += (isBusy - this.busyShare) / (busyWindow * candidates);
    this.waitTokens = isBusy === 0 ? 0 : this.allPendingTokens - this.#computedTokens(nowMs);
  }

  /** What is probably computed of the prompt that is the first of those pending, or of the first few. */
  #computedTokens(nowMs: number): number {
    const { tokensPerMs } = this.#rate;
    if (tokensPerMs === 0) return 0;
    const pending = this.allPendingTokens;
    const first = this.#pending.values().next().value?.uncachedTokens ?? pending;
    const most = Math.min(pending, Math.max(first, tokensOfStep));
    return Math.min(most, tokensPerMs * (nowMs - this.#begunMs));
  }

  #settle(share: LoadShare): void {
    if (this.#pending.delete(share)) this.#count(share, -1);
  }

  #count({ uncachedTokens, isStreamed }: LoadShare, by: 1 | -1): void {
    this.pendingTokens += by * uncachedTokens;
    if (!isStreamed) return;
    this.#streams += by;
    this.#streamTokens += by * uncachedTokens;
  }
}

/** Requests for each replica over which {@link ReplicaLoad.busyShare} is taken. */
const busyWindow = 8;
/** Of the memory; the rest is kept for more urgent requests, which would wait for the end of others. */
const shareForAll = 0.9;
/** Requests over which their sizes are averaged. */
const sizeWindow = 16;
/** One long prompt, or so many tokens of short ones, keep a replica busy until the next one comes. */
const tokensInQueue = 512;
/** Prompts that end in the same step have about so many tokens, or there is only one. */
const tokensOfStep = 2_048;
/** Of the tokens that the memory holds: with more of them open, since they share much, steps take long. */
const mostOpen = 2;

/** Tokens that a request has for itself: the end of its prompt, which is no whole block, and its answer. */
function unsharedTokens({ promptTokens, answerTokens, blocks, tokensPerUnit }: LoadShare): number {
  return promptTokens + answerTokens - (unitsBefore[blocks.length] ?? 0) * tokensPerUnit;
}
