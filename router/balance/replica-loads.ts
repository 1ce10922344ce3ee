import type { BlockList } from './block-list.ts';
import { type LoadElsewhere, nowhere, type PromptTracker, ReplicaLoad } from './replica-load.ts';

/** Units of a replica's prefix cache that are remembered at most: 4 MiB of text, a million tokens. */
const mostUnits = 16_384;
const fewestUnits = 1_024;
/** Of all replicas together: 64 MB, if every block were a unit. */
const allUnits = 1_398_101;

/** Of most models, about. */
const tokensPerUnit = 64;

/** What this router knows of all replicas; of their loads and caches, also what other routers tell. */
export class ReplicaLoads {
  readonly #byId = new Map<string, ReplicaLoad>();
  #kept: ReadonlySet<string> = new Set();
  /** Those that left with requests open. */
  readonly #departed = new Set<string>();
  #capacityUnits = mostUnits;
  /** What other routers said last. */
  #elsewhere: ReadonlyMap<string, LoadElsewhere> = new Map();
  /** What {@link all} found. */
  #found = new WeakMap<object, readonly ReplicaLoad[]>();

  /** A replica's load; it begins with nothing when the replica is new. */
  of(id: string): ReplicaLoad {
    let load = this.#byId.get(id);
    if (!load) {
      load = new ReplicaLoad(id, this.#capacityUnits);
      load.elsewhere = this.#elsewhere.get(id) ?? nowhere;
      this.#byId.set(id, load);
    }
    return load;
  }

  /** The loads of these, in their order; looked up once for an array, which mostly is the catalog's. */
  all(replicas: readonly { readonly id: string }[]): readonly ReplicaLoad[] {
    let loads = this.#found.get(replicas);
    if (!loads) {
      loads = replicas.map(({ id }) => this.of(id));
      this.#found.set(replicas, loads);
    }
    return loads;
  }

  find(id: string): ReplicaLoad | undefined {
    return this.#byId.get(id);
  }

  /** Forgets replicas that are not among these; one with open requests, at the end of the last. */
  retain(ids: Iterable<string>): void {
    const kept = new Set(ids);
    this.#kept = kept;
    const share = Math.floor(allUnits / Math.max(1, kept.size));
    this.#capacityUnits = Math.max(fewestUnits, Math.min(mostUnits, share));
    this.#departed.clear();
    this.#found = new WeakMap();
    for (const [id, { inFlight }] of this.#byId) {
      if (kept.has(id)) continue;
      if (inFlight === 0) this.#byId.delete(id);
      else this.#departed.add(id);
    }
  }

  /** A request at a replica is over. */
  ended(id: string): void {
    if (!this.#departed.has(id) || this.#byId.get(id)?.inFlight !== 0) return;
    this.#departed.delete(id);
    this.#byId.delete(id);
    this.#found = new WeakMap();
  }

  /**
   * A replica's key-value memory holds this many tokens: so much of what was sent there is remembered at most.
   */
  setKvTokens(id: string, tokens: number): void {
    const load = this.#byId.get(id) ?? (this.#kept.has(id) ? this.of(id) : undefined);
    if (!load) return;
    load.kvTokens = tokens;
    load.prefixes.limit(Math.min(this.#capacityUnits, tokens / tokensPerUnit));
  }

  /** A replica tells of its prefix cache, or does not any more. */
  setTracker(id: string, tracker: PromptTracker | undefined): void {
    const load = this.#byId.get(id);
    if (load) load.tracker = tracker;
  }

  /**
   * Other routers have these loads at replicas, by id, and none at others.
   * @param nowMs a monotonic clock in milliseconds, the one of the balancer
   */
  hearLoads(elsewhere: ReadonlyMap<string, LoadElsewhere>, nowMs: number): void {
    this.#elsewhere = elsewhere;
    for (const id of elsewhere.keys()) if (this.#kept.has(id)) this.of(id);
    for (const [id, load] of this.#byId) load.hear(elsewhere.get(id) ?? nowhere, nowMs);
  }

  /** Another router thinks that a replica has these blocks in its prefix cache. */
  hearBlocks(id: string, blocks: BlockList): void {
    if (this.#kept.has(id)) this.of(id).prefixes.take(blocks);
  }

  /** A replica told another router that these blocks are gone. */
  hearDropped(id: string, { keys }: BlockList): void {
    const prefixes = this.#byId.get(id)?.prefixes;
    for (const key of keys) prefixes?.remove(key);
  }

  /** The blocks that each replica is thought to have in its prefix cache. */
  *blocks(): Generator<{ id: string; blocks: BlockList }> {
    for (const [id, { prefixes }] of this.#byId) yield { id, blocks: prefixes.list() };
  }
}
