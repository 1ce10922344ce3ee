const firstTokensPerByte = 0.25;
const weight = 0.05;

/** How many tokens a byte of prompt is, for each model; learned from what engines report. */
export class TokenRatios {
  readonly #tokensPerByte = new Map<string, number>();

  /** Tokens that a prompt of this many bytes probably has, a whole number. */
  estimate(model: string, bytes: number): number {
    const tokens = bytes * (this.#tokensPerByte.get(model) ?? firstTokensPerByte);
    return Math.max(1, Math.round(tokens));
  }

  /** An engine said how many tokens a prompt had. */
  learn(model: string, bytes: number, tokens: number): void {
    if (bytes === 0 || tokens === 0) return;
    const before = this.#tokensPerByte.get(model);
    const seen = tokens / bytes;
    this.#tokensPerByte.set(model, before === undefined ? seen : before + weight * (seen - before));
  }
}
