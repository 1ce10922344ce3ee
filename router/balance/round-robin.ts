/** Chooses candidates in turn, for each model by itself. */
export class RoundRobin {
  readonly #turns = new Map<string, number>();

  /** @returns undefined when there is no candidate */
  next<R>(model: string, candidates: readonly R[]): R | undefined {
    const turn = this.#turns.get(model) ?? 0;
    this.#turns.set(model, turn + 1);
    return candidates[turn % candidates.length];
  }
}
