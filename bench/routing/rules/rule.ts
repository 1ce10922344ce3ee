import { BlockLru } from '../../../router/balance/block-lru.ts';
import { blocksWithin, maxUnits, unitsBefore } from '../../../router/balance/blocks.ts';
import type { LoadElsewhere } from '../../../router/balance/replica-load.ts';
import type { Random } from '../random.ts';
import type { ReplicaModel } from '../replica.ts';
import type { SimRequest } from '../request.ts';

/** What an engine's metrics say; rules that read them get them 50 ms old. */
export interface EngineState {
  readonly waiting: number;
  readonly kvUsedShare: number;
}

/** What a rule may know. */
export interface RuleContext {
  readonly replicas: number;
  readonly model: ReplicaModel;
  readonly blockTokens: number;
  readonly random: Random;
  engineState(replica: number): EngineState;
  /** Virtual time in milliseconds. */
  nowMs(): number;
}

/** What a router tells the others now and then. */
export interface News {
  /** What it has at each replica. */
  readonly loads: readonly LoadElsewhere[];
  /** Prompts that it has sent since it told the last time. */
  readonly prompts: readonly { replica: number; blocks: Int32Array }[];
}

/** One router's way to choose a replica, and what it remembers. */
export interface Rule {
  /** @param among the replicas to choose from; absent: all */
  pick(request: SimRequest, among?: readonly number[]): number;
  /**
   * Whether a replica has room for a request of those that go first, or for one of the others; absent: the
   * rule lets nothing wait.
   */
  hasRoom?(replica: number, isFirst: boolean): boolean;
  /** How well it would be for a request that waits to go to one of these; absent: who came first goes first. */
  fit?(request: SimRequest, among: readonly number[]): number;
  /** The request is sent to the replica that was picked. */
  sent(request: SimRequest, replica: number): void;
  firstToken(request: SimRequest, replica: number, cachedTokens: number): void;
  finished(request: SimRequest, replica: number): void;
  /** What the other routers should know; absent where routers share nothing. */
  tell?(): News;
  hear?(news: readonly News[]): void;
}

/** Counts requests in flight, as every rule here does. */
export abstract class LoadRule implements Rule {
  protected readonly context: RuleContext;
  protected readonly inFlight: number[];

  constructor(context: RuleContext) {
    this.context = context;
    this.inFlight = new Array(context.replicas).fill(0);
  }

  abstract pick(request: SimRequest): number;

  sent(_request: SimRequest, replica: number): void {
    this.inFlight[replica] = this.loadOf(replica) + 1;
  }

  firstToken(_request: SimRequest, _replica: number): void {}

  finished(_request: SimRequest, replica: number): void {
    this.inFlight[replica] = this.loadOf(replica) - 1;
  }

  protected loadOf(replica: number): number {
    return this.inFlight[replica] ?? 0;
  }

  /** The replica with the least of something; among equals each is as likely. */
  protected least(cost: (replica: number) => number): number {
    let best = 0;
    let least = Number.POSITIVE_INFINITY;
    let equals = 0;
    for (let replica = 0; replica < this.context.replicas; replica++) {
      const value = cost(replica);
      if (value < least) {
        best = replica;
        least = value;
        equals = 1;
      } else if (value === least && this.context.random.next() * ++equals < 1) {
        best = replica;
      }
    }
    return best;
  }
}

/** Remembers besides which prompts went where, and which of their tokens are not computed yet. */
export abstract class PrefixRule extends LoadRule {
  /** Uncached prompt tokens sent and not answered by a first token. */
  protected readonly pendingTokens: number[];
  readonly #prefixes: BlockLru[];
  readonly #uncached = new Map<SimRequest, number>();

  constructor(context: RuleContext) {
    super(context);
    this.pendingTokens = new Array(context.replicas).fill(0);
    const blocks = context.model.kvTokens / context.blockTokens;
    this.#prefixes = Array.from({ length: context.replicas }, () => new BlockLru(blocks));
  }

  override sent(request: SimRequest, replica: number): void {
    super.sent(request, replica);
    const uncached = this.uncachedTokens(request, replica);
    this.#uncached.set(request, uncached);
    this.pendingTokens[replica] = this.pendingOf(replica) + uncached;
    this.#prefixes[replica]?.add(promptOf(request));
  }

  override firstToken(request: SimRequest, replica: number): void {
    this.pendingTokens[replica] = this.pendingOf(replica) - (this.#uncached.get(request) ?? 0);
    this.#uncached.delete(request);
  }

  protected pendingOf(replica: number): number {
    return this.pendingTokens[replica] ?? 0;
  }

  /** Leading units of the prompt that are thought to be cached there. */
  protected matchedUnits(request: SimRequest, replica: number): number {
    const blocks = this.#prefixes[replica]?.matchLength(promptOf(request)) ?? 0;
    return unitsBefore[blocks] ?? 0;
  }

  protected matchedShare(request: SimRequest, replica: number): number {
    return this.matchedUnits(request, replica) / Math.max(1, request.promptBlocks);
  }

  protected uncachedTokens(request: SimRequest, replica: number): number {
    const cached = this.matchedUnits(request, replica) * this.context.blockTokens;
    return Math.max(1, request.inputTokens - cached);
  }
}

const prompts = new WeakMap<SimRequest, Int32Array>();

/** A prompt as routers index it: a block of the simulation is a unit of theirs. */
export function promptOf(request: SimRequest): Int32Array {
  let prompt = prompts.get(request);
  if (!prompt) {
    const { blocks } = request;
    const units = Math.min(request.promptBlocks, maxUnits);
    prompt = Int32Array.from(
      { length: blocksWithin(units) },
      (_, at) => blocks[(unitsBefore[at + 1] ?? 0) - 1] ?? 0,
    );
    prompts.set(request, prompt);
  }
  return prompt;
}
