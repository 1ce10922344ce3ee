import { ReplicaLoad } from './replica-load.ts';

/** Units of a replica's prefix cache that are remembered at most: 4 MiB of text, a million tokens. */
const mostUnits = 16_384;
const fewestUnits = 1_024;
/** Of all replicas together: 64 MB, if every block were a unit. */
const allUnits = 1_398_101;

/** The loads of all replicas that this router knows. */
export class ReplicaLoads {
  readonly #byId = new Map<string, ReplicaLoad>();
  /** Those that left with requests open. */
  readonly #departed = new Set<string>();
  #capacityUnits = mostUnits;

  /** A replica's load; it begins with nothing when the replica is new. */
  of(id: string): ReplicaLoad {
    let load = this.#byId.get(id);
    if (!load) {
      load = new ReplicaLoad(id, this.#capacityUnits);
      this.#byId.set(id, load);
    }
    return load;
  }

  find(id: string): ReplicaLoad | undefined {
    return this.#byId.get(id);
  }

  /** Forgets replicas that are not among these; one with open requests, at the end of the last. */
  retain(ids: Iterable<string>): void {
    const kept = new Set(ids);
    const share = Math.floor(allUnits / Math.max(1, kept.size));
    this.#capacityUnits = Math.max(fewestUnits, Math.min(mostUnits, share));
    this.#departed.clear();
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
  }
}
