/** A request's place at a replica. */
export interface Slot {
  /** Gives the place back; a second call does nothing. */
  release(): void;
}

/** Counts the requests that this router has open at each replica. Every slot is given back once. */
export class Ledger {
  readonly #open = new Map<string, number>();
  #total = 0;

  /** Takes a slot at a replica. */
  acquire(replicaId: string): Slot {
    this.#open.set(replicaId, this.inFlight(replicaId) + 1);
    this.#total++;
    let held = true;
    return {
      release: () => {
        if (!held) return;
        held = false;
        this.#total--;
        const left = this.inFlight(replicaId) - 1;
        // A replica without requests leaves no entry, so that departed pods leave nothing behind.
        if (left === 0) this.#open.delete(replicaId);
        else this.#open.set(replicaId, left);
      },
    };
  }

  /** Open requests at a replica. */
  inFlight(replicaId: string): number {
    return this.#open.get(replicaId) ?? 0;
  }

  /** Open requests at all replicas. */
  get total(): number {
    return this.#total;
  }
}
