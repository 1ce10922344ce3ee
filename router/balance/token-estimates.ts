import type { TokenUsage } from './balancer.ts';

const firstTokensPerByte = 0.25;
const firstAnswerTokens = 200;
/** What one answer counts in the averages. */
const weight = 0.05;

interface Averages {
  tokensPerByte: number;
  answerTokens: number;
}

/** What the prompts and answers of each model are like; learned from what goes by. */
export class TokenEstimates {
  readonly #averages = new Map<string, Averages>();

  /** Tokens that a prompt of this many bytes probably has, a whole number. */
  prompt(model: string, bytes: number): number {
    const perByte = this.#averages.get(model)?.tokensPerByte ?? firstTokensPerByte;
    return Math.max(1, Math.round(bytes * perByte));
  }

  /** Tokens that an answer probably has, a whole number. */
  answer(model: string): number {
    return Math.round(this.#averages.get(model)?.answerTokens ?? firstAnswerTokens);
  }

  /** An engine said how many tokens a prompt of this many bytes had, and its answer. */
  learn(model: string, bytes: number, { inputTokens, outputTokens }: TokenUsage): void {
    const averages = this.#averagesOf(model);
    if (inputTokens && bytes > 0) {
      averages.tokensPerByte += weight * (inputTokens / bytes - averages.tokensPerByte);
    }
    if (outputTokens) averages.answerTokens += weight * (outputTokens - averages.answerTokens);
  }

  #averagesOf(model: string): Averages {
    let averages = this.#averages.get(model);
    if (!averages) {
      averages = { tokensPerByte: firstTokensPerByte, answerTokens: firstAnswerTokens };
      this.#averages.set(model, averages);
    }
    return averages;
  }
}
