import type { Catalog, Model } from '../catalog/model.ts';

/** What was asked of one model. */
export interface Asked {
  /** Requests that ever came for it; never falls. */
  arrivals: number;
  /** Requests that another model answers in its place now. */
  standIns: number;
}

/** Counts what clients ask of each model, whether a replica of it answers or not. */
export class DemandLedger {
  readonly #byKey = new Map<string, Asked>();

  /** A request has come for a model. */
  arrived(model: Model): void {
    this.#of(model).arrivals++;
  }

  /**
   * A request that was meant for a model goes to a fallback: it is demand for the model all the same, or
   * one at zero would never be woken while it has a fallback.
   * @returns to be called once when the request is over
   */
  standIn(model: Model): () => void {
    const asked = this.#of(model);
    asked.standIns++;
    return () => void asked.standIns--;
  }

  /** @param key `namespace/name` of a ModelDeployment */
  of(key: string): Readonly<Asked> | undefined {
    return this.#byKey.get(key);
  }

  /** Forgets models that are gone. */
  retain({ models }: Catalog): void {
    const keys = new Set(models.map(({ key }) => key));
    for (const key of this.#byKey.keys()) if (!keys.has(key)) this.#byKey.delete(key);
  }

  #of({ key }: Model): Asked {
    let asked = this.#byKey.get(key);
    if (!asked) {
      asked = { arrivals: 0, standIns: 0 };
      this.#byKey.set(key, asked);
    }
    return asked;
  }
}
