import type { RoutingPolicy } from '../../crds/modeldeployment/routing.ts';
import type { Replica } from '../catalog/model.ts';
import { unitBytes, unitsBefore } from './blocks.ts';
import { hashBlocks, hashText, type Span } from './hash.ts';
import { leastLoad } from './least-load.ts';
import { choosePrefixAware, matchedShare, type Prompt, uncachedTokens } from './prefix-aware.ts';
import type { LoadShare, ReplicaLoad } from './replica-load.ts';
import { ReplicaLoads } from './replica-loads.ts';
import { RoundRobin } from './round-robin.ts';
import { TokenEstimates } from './token-estimates.ts';

/** What balancing reads of a request. */
export interface RoutingRequest {
  /** The model's served name. */
  readonly model: string;
  /** The adapter asked for, where the model has adapters. */
  readonly adapter?: string | undefined;
  /** As the client sent it. */
  readonly body: Buffer;
  /** Where the prompt stands in the body, in the order in which engines render its parts. */
  readonly promptSpans?: readonly Span[] | undefined;
  /** What ties requests of one conversation together beside their prompts. */
  readonly sessionKey?: string | undefined;
  /** Whether its answer is to come as it is made. */
  readonly isStreamed?: boolean | undefined;
  /** Requests that one replica works on at once; absent: any number. */
  readonly concurrency?: number | undefined;
}

/** What a reply said of its tokens. */
export interface TokenUsage {
  readonly inputTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
}

/** Why a replica was chosen; see docs/balancing.md. */
export type RouteReason = 'only' | 'prefix' | 'load' | 'cold' | 'least_in_flight' | 'next';

/** What the decision saw of the prompt, in units of 256 bytes. */
export interface PrefixMatch {
  readonly units: number;
  /** Leading ones that the replica is expected to have in its prefix cache. */
  readonly matchedUnits: number;
}

/** A replica chosen for one attempt, and the attempt's place there until it is released. */
export interface Placement {
  readonly replica: Replica;
  readonly policy: RoutingPolicy;
  readonly reason: RouteReason;
  /** How many replicas there were to choose from. */
  readonly candidates: number;
  /** Absent: prompts were not compared. */
  readonly prefix?: PrefixMatch | undefined;
  /** The share of the prompt that the replica is expected to have in its prefix cache. */
  readonly prefixMatchRatio?: number | undefined;
  /** By this the replica's events tell of the request; absent: it tells of none. */
  readonly session?: string | undefined;
  /** The answer has begun: the prompt is computed. */
  firstByte(): void;
  /** Gives the place back; a second call does nothing. */
  release(usage?: TokenUsage): void;
}

/** Chooses replicas and knows what this router has sent to each. */
export interface Balancer {
  /** Takes a place at one of the candidates; undefined when there are none. */
  place(
    request: RoutingRequest,
    policy: RoutingPolicy,
    candidates: readonly Replica[],
  ): Placement | undefined;
  /**
   * For a request that waits: says how much of its prompt, between 0 and 1, one of some replicas is expected to have
   * in its prefix cache; 0 where prompts are not compared.
   */
  fitOf(request: RoutingRequest, policy: RoutingPolicy): (replicas: readonly Replica[]) => number;
  /** Open requests at a replica. */
  inFlight(replicaId: string): number;
  /** Prompt tokens sent to a replica and not known to be computed. */
  pendingTokens(replicaId: string): number;
  /**
   * The candidates with fewer than so many requests open, of all routers; the same array when all are.
   * @param soon leaves out those, too, that would not soon compute another prompt
   */
  withRoom(candidates: readonly Replica[], concurrency: number, soon: boolean): readonly Replica[];
  /** Open requests at all replicas. */
  readonly total: number;
  /** Forgets what it knows of replicas that are not among these. */
  retain(replicas: Iterable<Replica>): void;
}

const noSpans: readonly Span[] = [];
const noBlocks = new Int32Array(0);
/** The block by which cold prompts are told apart: the first KiB, which goes beyond most templates. */
const keyBlock = 3;

/**
 * Makes a balancer.
 * @param random uniform in [0, 1)
 * @param nowMs a monotonic clock in milliseconds
 * @param tell told of what other routers would like to know
 * @param loads what it knows of replicas, and others may add to
 */
export function createBalancer(
  random: () => number,
  nowMs: () => number,
  tell: BalancerEvents = {},
  loads: ReplicaLoads = new ReplicaLoads(),
): Balancer {
  return new PromptBalancer(random, nowMs, tell, loads);
}

/** What a balancer tells as it happens. */
export interface BalancerEvents {
  /** What is open or pending at a replica has changed. */
  changed?(): void;
  /** A replica will have these blocks of a prompt in its prefix cache. */
  prompted?(replicaId: string, blocks: Int32Array): void;
}

class PromptBalancer implements Balancer {
  readonly #random: () => number;
  readonly #nowMs: () => number;
  readonly #tell: BalancerEvents;
  readonly #loads: ReplicaLoads;
  readonly #estimates = new TokenEstimates();
  readonly #turns = new RoundRobin();
  #total = 0;

  constructor(
    random: () => number,
    nowMs: () => number,
    tell: BalancerEvents,
    loads: ReplicaLoads,
  ) {
    this.#random = random;
    this.#nowMs = nowMs;
    this.#tell = tell;
    this.#loads = loads;
  }

  get total(): number {
    return this.#total;
  }

  place(
    request: RoutingRequest,
    policy: RoutingPolicy,
    candidates: readonly Replica[],
  ): Placement | undefined {
    // The placement outlives the request's body, which it must not hold.
    const { model } = request;
    const promptBytes = lengthOf(request);
    const tokens = this.#estimates.prompt(model, promptBytes);
    const choice =
      policy === 'PrefixAware'
        ? this.#byPrefix(request, candidates, tokens, promptBytes)
        : this.#byLoad(request, policy, candidates);
    if (!choice) return undefined;
    const { replica, reason, prefix } = choice;
    const load = this.#loads.of(replica.id);
    const { blocks = noBlocks, uncachedTokens: uncached = tokens } = choice;
    const share: LoadShare = {
      ...{ promptTokens: tokens, uncachedTokens: uncached, blocks },
      tokensPerUnit: tokensPerUnit(tokens, promptBytes),
      answerTokens: this.#estimates.answer(model),
      isStreamed: request.isStreamed === true,
    };
    load.sent(share, this.#nowMs());
    const tracked = choice.blocks && load.tracker?.track(choice.blocks, promptBytes);
    this.#total++;
    this.#tell.changed?.();
    let held = true;
    return {
      ...{ replica, policy, reason, prefix, candidates: candidates.length },
      prefixMatchRatio: prefix && ratioOf(prefix),
      session: tracked?.session,
      firstByte: () => {
        load.computed(share, this.#nowMs());
        this.#tell.changed?.();
      },
      release: (usage) => {
        if (!held) return;
        held = false;
        load.ended(share);
        tracked?.ended(usage?.inputTokens ?? tokens);
        this.#total--;
        this.#loads.ended(replica.id);
        this.#tell.changed?.();
        if (usage) this.#estimates.learn(model, promptBytes, usage);
      },
    };
  }

  fitOf(request: RoutingRequest, policy: RoutingPolicy): (replicas: readonly Replica[]) => number {
    if (policy !== 'PrefixAware') return () => 0;
    let blocks: Int32Array | undefined;
    return (replicas) => {
      blocks ??= blocksOf(request);
      return matchedShare(this.#loads.all(replicas), blocks);
    };
  }

  inFlight(replicaId: string): number {
    return this.#loads.find(replicaId)?.inFlight ?? 0;
  }

  pendingTokens(replicaId: string): number {
    return this.#loads.find(replicaId)?.pendingTokens ?? 0;
  }

  withRoom(candidates: readonly Replica[], concurrency: number, soon: boolean): readonly Replica[] {
    const loads = this.#loads.all(candidates);
    const hasRoom = (load: ReplicaLoad | undefined) =>
      load !== undefined && load.allInFlight < concurrency && (!soon || load.hasRoom);
    return loads.every(hasRoom) ? candidates : candidates.filter((_, at) => hasRoom(loads[at]));
  }

  retain(replicas: Iterable<Replica>): void {
    this.#loads.retain(Array.from(replicas, ({ id }) => id));
  }

  #byLoad(
    { model }: RoutingRequest,
    policy: RoutingPolicy,
    candidates: readonly Replica[],
  ): Choice | undefined {
    const replica =
      policy === 'RoundRobin'
        ? this.#turns.next(model, candidates)
        : leastLoad(candidates, (id) => this.#loads.find(id)?.allInFlight ?? 0, this.#random);
    if (!replica) return undefined;
    return { replica, reason: policy === 'RoundRobin' ? 'next' : 'least_in_flight' };
  }

  #byPrefix(
    request: RoutingRequest,
    candidates: readonly Replica[],
    tokens: number,
    promptBytes: number,
  ): Choice | undefined {
    const { sessionKey, concurrency = Number.POSITIVE_INFINITY } = request;
    const blocks = blocksOf(request);
    const chance = 2 ** 32 * this.#random();
    const prompt: Prompt = {
      tokens,
      blocks,
      answerTokens: this.#estimates.answer(request.model),
      tokensPerUnit: tokensPerUnit(tokens, promptBytes),
      key:
        sessionKey === undefined
          ? (blocks[Math.min(keyBlock, blocks.length - 1)] ?? chance)
          : hashText(sessionKey),
      chance,
      concurrency,
    };
    const loads = this.#loads.all(candidates);
    const nowMs = this.#nowMs();
    for (const load of loads) load.observe(loads.length, nowMs);
    const choice = choosePrefixAware(loads, prompt);
    const replica = choice && candidates[choice.at];
    if (!replica) return undefined;
    const units = unitsBefore[blocks.length] ?? 0;
    const matchedUnits = unitsBefore[choice.matchedBlocks] ?? 0;
    this.#tell.prompted?.(replica.id, blocks);
    return {
      replica,
      reason: candidates.length === 1 ? 'only' : choice.reason,
      blocks,
      prefix: { units, matchedUnits },
      uncachedTokens: uncachedTokens(prompt, choice.matchedBlocks),
    };
  }
}

/** A choice before a place is taken. */
interface Choice {
  readonly replica: Replica;
  readonly reason: RouteReason;
  readonly blocks?: Int32Array;
  readonly prefix?: PrefixMatch;
  readonly uncachedTokens?: number;
}

function blocksOf({ body, promptSpans = noSpans, adapter = '' }: RoutingRequest): Int32Array {
  return hashBlocks(body, promptSpans, hashText(adapter));
}

/** Bytes of a request's prompt; of a body whose prompt is not found, all. */
function lengthOf({ body, promptSpans }: RoutingRequest): number {
  if (!promptSpans || promptSpans.length === 0) return body.length;
  return promptSpans.reduce((length, { start, end }) => length + end - start, 0);
}

function tokensPerUnit(tokens: number, bytes: number): number {
  return (tokens / Math.max(1, bytes)) * unitBytes;
}

function ratioOf({ units, matchedUnits }: PrefixMatch): number {
  return units === 0 ? 0 : matchedUnits / units;
}
