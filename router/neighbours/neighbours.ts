import {
  type DemandMessage,
  type DemandState,
  demandPathWithBlocks,
} from '../../protocol/demand.ts';
import { DemandFollowers } from '../../protocol/followers.ts';
import { decodeBlocks } from '../balance/block-list.ts';
import type { LoadElsewhere } from '../balance/replica-load.ts';
import type { ReplicaLoads } from '../balance/replica-loads.ts';
import type { RouterDemand } from '../hold/share.ts';

/** What a tenant uses through other routers. */
export interface TenantUse {
  readonly inFlight: number;
  /** Of the last minute. */
  readonly requests: number;
  readonly tokens: number;
}

interface Neighbour {
  readonly router: string;
  readonly state: DemandState;
}

const unused: TenantUse = { inFlight: 0, requests: 0, tokens: 0 };

/**
 * What the other routers have in flight and hold, by following their demand streams. All of it is at most a
 * few hundredths of a second old; a router that is silent for its lease counts for nothing, and with it goes
 * only its own share.
 */
export class Neighbours {
  readonly #router: string;
  readonly #followers: DemandFollowers;
  /** Those that count now; kept, since it is read in each decision. */
  #live: readonly Neighbour[] = [];

  /**
   * @param router this router's own name in its stream: what says it is no neighbour
   * @param changed told when anything that the neighbours said has changed
   * @param nowMs a monotonic clock in milliseconds
   * @param loads gets to know what they have at replicas, and what prompts they have sent there
   */
  constructor(
    router: string,
    changed: () => void,
    nowMs: () => number,
    loads?: Pick<ReplicaLoads, 'hearLoads' | 'hearBlocks' | 'hearDropped'>,
  ) {
    this.#router = router;
    const update = () => {
      this.#live = this.#followers
        .live()
        .flatMap(({ key, router: name = key, state }) =>
          state && name !== this.#router ? [{ router: name, state }] : [],
        );
      loads?.hearLoads(this.#loadsByPod(), nowMs());
      changed();
    };
    const onMessages = (_key: string, messages: readonly DemandMessage[]) => {
      if (loads) hearBlocks(loads, messages);
      update();
    };
    const handler = { onMessages, onLost: update };
    this.#followers = new DemandFollowers(handler, nowMs, demandPathWithBlocks);
  }

  /** Follows the router of a pod from now on. @param origin undefined: it does not run, or not any more */
  set(podKey: string, origin: string | undefined): void {
    this.#followers.set(podKey, origin);
  }

  /** How many of them count. */
  get count(): number {
    return this.#live.length;
  }

  /** Requests that they have open at a pod, by its uid. */
  inFlight(uid: string): number {
    let sum = 0;
    for (const { state } of this.#live) sum += state.pods.get(uid)?.inFlight ?? 0;
    return sum;
  }

  /** Prompt tokens that they sent to a pod, by its uid, and do not know to be computed. */
  pendingTokens(uid: string): number {
    let sum = 0;
    for (const { state } of this.#live) sum += state.pods.get(uid)?.pendingTokens ?? 0;
    return sum;
  }

  /** What each of them has of a model, held or in flight. @param key `namespace/name` */
  demands(key: string): RouterDemand[] {
    return this.#live.map(({ router, state }) => {
      const { held = 0, inFlight = 0 } = state.models.get(key) ?? {};
      return { router, demand: held + inFlight };
    });
  }

  /** What a tenant uses through all of them. */
  useOf(tenant: string): TenantUse {
    let sum = unused;
    for (const { state } of this.#live) {
      const use = state.tenants.get(tenant);
      if (!use) continue;
      sum = {
        inFlight: sum.inFlight + use.inFlight,
        requests: sum.requests + use.requests,
        tokens: sum.tokens + use.tokens,
      };
    }
    return sum;
  }

  /** Ends every stream. */
  stop(): Promise<void> {
    return this.#followers.stop();
  }

  #loadsByPod(): Map<string, LoadElsewhere> {
    const sums = new Map<string, LoadElsewhere>();
    for (const { state } of this.#live) {
      for (const { uid, inFlight, pendingTokens } of state.pods.values()) {
        const sum = sums.get(uid);
        sums.set(uid, {
          inFlight: inFlight + (sum?.inFlight ?? 0),
          pendingTokens: pendingTokens + (sum?.pendingTokens ?? 0),
        });
      }
    }
    return sums;
  }
}

function hearBlocks(
  loads: Pick<ReplicaLoads, 'hearBlocks' | 'hearDropped'>,
  messages: readonly DemandMessage[],
): void {
  for (const { blocks = [] } of messages) {
    for (const { uid, list, gone } of blocks) {
      const known = decodeBlocks(list);
      if (known) loads.hearBlocks(uid, known);
      const dropped = gone === undefined ? undefined : decodeBlocks(gone);
      if (dropped) loads.hearDropped(uid, dropped);
    }
  }
}
