import { KvCache, type Reservation } from './kv-cache.ts';
import type { SimRequest } from './request.ts';

/** What a replica can do. Times are seconds. */
export interface ReplicaModel {
  /** Prompt tokens computed in a second. */
  readonly prefillTokensPerS: number;
  /** Tokens of one step, prompt and answer. */
  readonly stepTokens: number;
  readonly kvTokens: number;
  readonly maxSequences: number;
  /** A step that computes nothing. */
  readonly stepS: number;
  /** What each token of context of each answering sequence adds to a step. */
  readonly perContextTokenS: number;
}

/**
 * A 32-billion-parameter model on two H100: prefill rate and KV tokens from llm-d's published reference
 * (https://llm-d.ai/docs/guides/optimized-baseline), step times fitted to its inter-token latencies.
 */
export const referenceModel: ReplicaModel = {
  prefillTokensPerS: 15_928,
  stepTokens: 8_192,
  kvTokens: 308_000,
  maxSequences: 256,
  stepS: 0.016,
  perContextTokenS: 35e-9,
};

/** Told what comes of requests. */
export interface ReplicaEvents {
  firstToken(request: SimRequest, nowS: number, cachedTokens: number): void;
  finished(request: SimRequest, nowS: number): void;
}

interface Running {
  readonly request: SimRequest;
  readonly reservation: Reservation;
  /** Prompt tokens still to be computed. */
  left: number;
  /** The step after which its answer is complete. */
  lastStep: number;
}

/**
 * An engine with continuous batching and chunked prefill: each step gives every answering sequence a
 * token and computes as much of the next prompts as the step's budget allows. Steps that only answer are
 * taken many at once.
 */
export class Replica {
  readonly #model: ReplicaModel;
  readonly #events: ReplicaEvents;
  readonly #blockTokens: number;
  readonly #cache: KvCache;
  readonly #waiting: SimRequest[] = [];
  #prefilling: Running[] = [];
  #answering: Running[] = [];
  /** Tokens of context of all answering sequences. */
  #context = 0;
  #steps = 0;
  /** The steps under way: when they began, how many, and what of prompts they compute. */
  #startS = 0;
  #count = 0;
  #parts: { running: Running; tokens: number }[] = [];
  /** When the steps under way end; Infinity: idle. */
  endS = Number.POSITIVE_INFINITY;

  constructor(model: ReplicaModel, blockTokens: number, events: ReplicaEvents) {
    this.#model = model;
    this.#events = events;
    this.#blockTokens = blockTokens;
    this.#cache = new KvCache(model.kvTokens, blockTokens);
  }

  /** Requests that wait for a place, as the engine's metrics would say. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** The share of KV memory in use, as the engine's metrics would say. */
  get kvUsedShare(): number {
    return this.#cache.usedShare;
  }

  arrive(request: SimRequest, nowS: number): void {
    this.#waiting.push(request);
    if (this.endS === Number.POSITIVE_INFINITY) this.#begin(nowS);
    else if (this.#count > 1 && this.#waiting.length === 1) this.#shorten(nowS);
  }

  /** Ends the steps under way at {@link endS} and begins the next. */
  advance(): void {
    const nowS = this.endS;
    this.#steps += this.#count;
    this.#context += this.#count * this.#answering.length;
    this.#endAnswers(nowS);
    for (const { running, tokens } of this.#parts) {
      running.left -= tokens;
      if (running.left === 0) this.#prefilled(running, nowS);
    }
    this.#prefilling = this.#prefilling.filter(({ left }) => left > 0);
    this.#begin(nowS);
  }

  #endAnswers(nowS: number): void {
    const ended = this.#answering.filter(({ lastStep }) => lastStep <= this.#steps);
    if (ended.length === 0) return;
    this.#answering = this.#answering.filter(({ lastStep }) => lastStep > this.#steps);
    for (const { request, reservation } of ended) {
      this.#context -= request.inputTokens + request.outputTokens;
      this.#cache.publish(request, reservation, request.blocks.length);
      this.#cache.release(request, reservation);
      this.#events.finished(request, nowS);
    }
  }

  #prefilled(running: Running, nowS: number): void {
    const { request, reservation } = running;
    this.#events.firstToken(request, nowS, reservation.cachedTokens);
    running.lastStep = this.#steps + request.outputTokens - 1;
    this.#context += request.inputTokens + 1;
    this.#answering.push(running);
  }

  #begin(nowS: number): void {
    const { stepS, perContextTokenS, prefillTokensPerS } = this.#model;
    this.#parts = [];
    let budget = this.#model.stepTokens - this.#answering.length;
    const compute = (running: Running) => {
      const tokens = Math.min(budget, running.left);
      budget -= tokens;
      this.#parts.push({ running, tokens });
      this.#share(running, tokens);
    };
    for (const running of this.#prefilling) if (budget > 0) compute(running);
    while (budget > 0) {
      const running = this.#admit();
      if (!running) break;
      compute(running);
    }
    this.#startS = nowS;
    if (this.#parts.length > 0) {
      const tokens = this.#model.stepTokens - this.#answering.length - budget;
      this.#count = 1;
      this.endS = nowS + stepS + tokens / prefillTokensPerS + this.#context * perContextTokenS;
    } else if (this.#answering.length > 0) {
      let last = Number.POSITIVE_INFINITY;
      for (const { lastStep } of this.#answering) last = Math.min(last, lastStep);
      this.#count = last - this.#steps;
      this.endS = nowS + this.#answerS(this.#count);
    } else {
      this.endS = Number.POSITIVE_INFINITY;
    }
  }

  /**
   * What a step computes is there for prompts that are begun after it, even in the same step, as in vLLM,
   * which knows a block from the step on that it is planned in (KVCacheManager.allocate_slots).
   */
  #share({ request, reservation, left }: Running, tokens: number): void {
    const computed = request.inputTokens - left + tokens;
    const whole = Math.floor(computed / this.#blockTokens);
    this.#cache.publish(request, reservation, Math.min(whole, request.promptBlocks));
  }

  #admit(): Running | undefined {
    const request = this.#waiting[0];
    const sequences = this.#prefilling.length + this.#answering.length;
    if (!request || sequences >= this.#model.maxSequences) return undefined;
    const reservation = this.#cache.reserve(request);
    if (!reservation) return undefined;
    this.#waiting.shift();
    const left = request.inputTokens - reservation.cachedTokens;
    const running: Running = { request, reservation, left, lastStep: 0 };
    this.#prefilling.push(running);
    return running;
  }

  /** How long `count` steps without prefill take; each adds a token to every context. */
  #answerS(count: number): number {
    const { stepS, perContextTokenS } = this.#model;
    const grown = (this.#answering.length * count * (count - 1)) / 2;
    return count * stepS + perContextTokenS * (count * this.#context + grown);
  }

  /** Ends the steps under way after the one that runs at `nowS`, since a prompt waits. */
  #shorten(nowS: number): void {
    let low = 1;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#startS + this.#answerS(middle) >= nowS) high = middle;
      else low = middle + 1;
    }
    this.#count = low;
    this.endS = this.#startS + this.#answerS(low);
  }
}
