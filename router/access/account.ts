import type { TenantUse } from '../neighbours/neighbours.ts';
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
const minuteMs = 60_000;

/**
 * What one tenant uses through this router. Several keys share one account; each request is held to the
 * limits of the key it came with. Tokens are known when an answer ends, so a request that begins below
 * the limit runs to its end.
 */
export class Account {
  readonly #requests = new SlidingMinute();
  readonly #tokens = new SlidingMinute();
  #inFlight = 0;
  /** Whether any of its keys has had a limit, so that other routers have to know what it uses. */
  isLimited = false;

  /** Whether it counts nothing any more, and may be forgotten. */
  isIdle(nowMs: number): boolean {
    return this.#inFlight === 0 && this.#requests.sum(nowMs) + this.#tokens.sum(nowMs) === 0;
  }

  /** What it uses through this router now. */
  use(nowMs: number): TenantUse {
    const [requests, tokens] = [this.#requests.sum(nowMs), this.#tokens.sum(nowMs)];
    return { inFlight: this.#inFlight, requests, tokens };
  }

  /**
   * Which limit forbids a further request now; undefined: none.
   * @param others what it uses through other routers
   */
  excess(limits: Limits, others: TenantUse, nowMs: number): Excess | undefined {
    const { requestsPerMinute, tokensPerMinute, maxInFlight } = limits;
    if (maxInFlight !== undefined && this.#inFlight + others.inFlight >= maxInFlight) {
      return { limit: 'maxInFlight', most: maxInFlight, waitMs: inFlightWaitMs };
    }
    if (requestsPerMinute !== undefined) {
      const waitMs = waitFor(this.#requests, others.requests, requestsPerMinute - 1, nowMs);
      if (waitMs > 0) return { limit: 'requestsPerMinute', most: requestsPerMinute, waitMs };
    }
    if (tokensPerMinute !== undefined) {
      const waitMs = waitFor(this.#tokens, others.tokens, tokensPerMinute - 1, nowMs);
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
  headers(
    { requestsPerMinute, tokensPerMinute }: Limits,
    others: TenantUse,
    nowMs: number,
  ): string[] {
    return [
      ...windowHeaders('requests', requestsPerMinute, this.#requests, others.requests, nowMs),
      ...windowHeaders('tokens', tokensPerMinute, this.#tokens, others.tokens, nowMs),
    ];
  }
}

/**
 * How long until at most `most` are left of what is used here and elsewhere, in milliseconds. Of what is
 * used elsewhere only the sum is known: it is taken to have come evenly over the minute.
 */
function waitFor(used: SlidingMinute, elsewhere: number, most: number, nowMs: number): number {
  if (elsewhere === 0) return used.waitMs(nowMs, most);
  const sum = used.sum(nowMs) + elsewhere;
  return sum <= most ? 0 : minuteMs * (1 - most / sum);
}

function windowHeaders(
  unit: 'requests' | 'tokens',
  limit: number | undefined,
  used: SlidingMinute,
  elsewhere: number,
  nowMs: number,
): string[] {
  if (limit === undefined) return [];
  const remaining = Math.max(0, limit - used.sum(nowMs) - elsewhere);
  return [
    `x-ratelimit-limit-${unit}`,
    String(limit),
    `x-ratelimit-remaining-${unit}`,
    String(remaining),
    // Until all of it is there again, as OpenAI has it.
    `x-ratelimit-reset-${unit}`,
    `${Math.ceil(waitFor(used, elsewhere, 0, nowMs)) / 1000}s`,
  ];
}
