import type { Model } from '../catalog/model.ts';

/** How many retries one request earns. */
const share = 0.2;
/** How many are allowed in each second beside. */
const perSecond = 10;
/** How many may be saved up. */
const maxSaved = 10;

/**
 * Allows as many retries as a fifth of the requests, and ten a second: an outage makes hardly more load
 * than there was, and where there are few requests each can be retried. One for each model.
 */
export class RetryBudget {
  #saved = maxSaved;
  #atMs: number;

  constructor(nowMs: number) {
    this.#atMs = nowMs;
  }

  /** A request has come, which may need a retry or not. */
  earn(): void {
    this.#saved = Math.min(maxSaved, this.#saved + share);
  }

  /** Takes a retry out of the budget. @returns false when it is used up */
  take(nowMs: number): boolean {
    const earned = ((nowMs - this.#atMs) / 1000) * perSecond;
    this.#saved = Math.min(maxSaved, this.#saved + earned);
    this.#atMs = nowMs;
    if (this.#saved < 1) return false;
    this.#saved--;
    return true;
  }
}

/** The budgets of all models, by served name. */
export class RetryBudgets {
  readonly #budgets = new Map<string, RetryBudget>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** A request for this model has come. */
  earn(model: string): void {
    this.#of(model).earn();
  }

  /** @returns false when the model's budget is used up */
  take(model: string): boolean {
    return this.#of(model).take(this.#nowMs());
  }

  /** Forgets models that are not among these. */
  retain(models: readonly Model[]): void {
    const present = new Set(models.map(({ servedName }) => servedName));
    for (const name of this.#budgets.keys()) if (!present.has(name)) this.#budgets.delete(name);
  }

  #of(model: string): RetryBudget {
    let budget = this.#budgets.get(model);
    if (!budget) {
      budget = new RetryBudget(this.#nowMs());
      this.#budgets.set(model, budget);
    }
    return budget;
  }
}
