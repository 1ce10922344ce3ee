import type { Limits } from './policy.ts';
import { SlidingMinute } from './sliding-minute.ts';

/** What a request used, once that is known. */
export interface Usage {
  readonly inputTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
}

/** Which limit is reached, and for how long at least. */
export interface Excess {
  readonly limit: keyof Limits;
  readonly most: number;
  readonly waitMs: number;
}

/** Requests in flight end when they end; SDKs try again after this. */
const inFlightWaitMs = 1_000;

/**
 * What one tenant uses through this router. Several keys share one account; each request is held to the
 * limits of the key it came with. Tokens are known when an answer ends, so a request that begins below
 * the limit runs to its end.
 */
export class Account {
  readonly #requests = new SlidingMinute();
  readonly #tokens = new SlidingMinute();
  #inFlight = 0;

  /** Whether it counts nothing any more, and may be forgotten. */
  isIdle(nowMs: number): boolean {
    return this.#inFlight === 0 && this.#requests.sum(nowMs) + this.#tokens.sum(nowMs) === 0;
  }

  /** Which limit forbids a further request now; undefined: none. */
  excess(limits: Limits, nowMs: number): Excess | undefined {
    const { requestsPerMinute, tokensPerMinute, maxInFlight } = limits;
    if (maxInFlight !== undefined && this.#inFlight >= maxInFlight) {
      return { limit: 'maxInFlight', most: maxInFlight, waitMs: inFlightWaitMs };
    }
    if (requestsPerMinute !== undefined) {
      const waitMs = this.#requests.waitMs(nowMs, requestsPerMinute - 1);
      if (waitMs > 0) return { limit: 'requestsPerMinute', most: requestsPerMinute, waitMs };
    }
    if (tokensPerMinute !== undefined) {
      const waitMs = this.#tokens.waitMs(nowMs, tokensPerMinute - 1);
      if (waitMs > 0) return { limit: 'tokensPerMinute', most: tokensPerMinute, waitMs };
    }
    return undefined;
  }

  begin(nowMs: number): void {
    this.#inFlight++;
    this.#requests.add(nowMs, 1);
  }

  end(nowMs: number, { inputTokens = 0, outputTokens = 0 }: Usage): void {
    this.#inFlight--;
    this.#tokens.add(nowMs, inputTokens + outputTokens);
  }

  /** OpenAI's x-ratelimit-* header pairs, for the limits there are. */
  headers({ requestsPerMinute, tokensPerMinute }: Limits, nowMs: number): string[] {
    return [
      ...windowHeaders('requests', requestsPerMinute, this.#requests, nowMs),
      ...windowHeaders('tokens', tokensPerMinute, this.#tokens, nowMs),
    ];
  }
}

function windowHeaders(
  unit: 'requests' | 'tokens',
  limit: number | undefined,
  used: SlidingMinute,
  nowMs: number,
): string[] {
  if (limit === undefined) return [];
  const remaining = Math.max(0, limit - used.sum(nowMs));
  return [
    `x-ratelimit-limit-${unit}`,
    String(limit),
    `x-ratelimit-remaining-${unit}`,
    String(remaining),
    // Until all of it is there again, as OpenAI has it.
    `x-ratelimit-reset-${unit}`,
    `${Math.ceil(used.waitMs(nowMs, 0)) / 1000}s`,
  ];
}
