import type { RoutingPolicy } from '../../crds/modeldeployment/routing.ts';
import type { Operation } from '../../telemetry/contract.ts';
import type { Replica } from '../catalog/model.ts';
import { leastLoad } from './least-load.ts';
import { Ledger } from './ledger.ts';

/** What balancing reads of a request. */
export interface RoutingRequest {
  /** The model's served name. */
  readonly model: string;
  /** The adapter asked for, where the model has adapters. */
  readonly adapter?: string | undefined;
  /** As the client sent it. */
  readonly body: Buffer;
  readonly operation: Operation;
  /** What ties requests of one conversation together beside their prompts. */
  readonly sessionKey?: string | undefined;
}

/** What a reply said of its tokens. */
export interface TokenUsage {
  readonly inputTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
  readonly cachedTokens?: number | undefined;
}

/** A replica chosen for one attempt, and the attempt's place there until it is released. */
export interface Placement {
  readonly replica: Replica;
  /** What decided, for spans and metrics. */
  readonly policy: string;
  /** Why this replica, one of a closed set. */
  readonly reason: string;
  /** How many replicas there were to choose from. */
  readonly candidates: number;
  /** The share of the prompt that the replica is expected to have in its prefix cache. */
  readonly prefixMatchRatio?: number | undefined;
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
  /** Open requests at a replica. */
  inFlight(replicaId: string): number;
  /** Open requests at all replicas. */
  readonly total: number;
  /** Forgets what it knows of replicas that are not among these. */
  retain(replicas: Iterable<Replica>): void;
}

/**
 * Makes a balancer.
 * @param random uniform in [0, 1)
 */
export function createBalancer(random: () => number): Balancer {
  const ledger = new Ledger();
  return {
    place(_request, _policy, candidates) {
      const replica = leastLoad(candidates, (id) => ledger.inFlight(id), random);
      if (!replica) return undefined;
      const slot = ledger.acquire(replica.id);
      return {
        replica,
        policy: 'LeastLoad',
        reason: 'least_load',
        candidates: candidates.length,
        firstByte() {},
        release: () => slot.release(),
      };
    },
    inFlight: (replicaId) => ledger.inFlight(replicaId),
    get total() {
      return ledger.total;
    },
    retain() {},
  };
}
