/** What one observation less recent counts. */
const fading = 0.95;

/** How fast a replica computes prompts, learned from when answers begin. */
export class PrefillRate {
  #tokens = 0;
  #ms = 0;

  /** Tokens in a millisecond; 0 while nothing is known. */
  get tokensPerMs(): number {
    return this.#ms > 0 ? this.#tokens / this.#ms : 0;
  }

  /** So many tokens were computed in so many milliseconds. */
  learn(tokens: number, ms: number): void {
    this.#tokens = fading * this.#tokens + tokens;
    this.#ms = fading * this.#ms + ms;
  }
}
