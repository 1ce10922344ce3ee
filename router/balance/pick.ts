import { mix } from './hash.ts';

/** What the rule reads of a replica; {@link ReplicaLoad} has it. */
export interface Candidate {
  readonly seed: number;
  /** Open requests of all routers. */
  readonly allInFlight: number;
  readonly waitTokens: number;
  readonly allOpenTokens: number;
  readonly usedShare: number;
  readonly busyShare: number;
  readonly prefixes: { readonly isFull: boolean };
}

/** What the rule reads of a prompt. */
export interface Asked {
  /** Tokens that its answer is expected to have. */
  readonly answerTokens: number;
  /** All of its tokens. */
  readonly tokens: number;
  /**
   * Open requests that share its beginning at a replica that has the most of it: the more there are, the more
   * will come, and the more it is worth that another replica has it, too.
   */
  readonly sharers: number;
  /** Equal for prompts that should go the same way when nothing else decides. */
  readonly key: number;
  /** Requests that a replica works on at once. */
  readonly concurrency: number;
}

/** What a token costs that drives another out of a full prefix cache, in tokens to compute. */
const evictionCost = 2;
/** What each token of an open request costs, in tokens to compute: every step reads them. */
const readingCost = 0.002;
/** What it costs more for each request that shares the prompt's beginning. */
const sharerCost = 0.003;
/** What a token costs that is put into a memory of which half is in use, about. */
const memoryCost = 0.2;
/** So that the cost of a full memory is finite. */
const beyondFull = 1.03;
/** Costs no further apart are equal, in tokens to compute: a part of a step. */
const slack = 64;
/** Of what it works on at once, how much more than another of about equal cost a replica may have and be chosen. */
const moreOpen = 1 / 8;
/** The most that others' waiting may count, for each token to compute. */
const maxDelayCost = 16;

/**
 * Chooses a replica for a prompt: the one with the least cost in prompt tokens to compute, which is
 *
 *     wait     what it still has to compute, and what it would have to compute of this prompt
 *   + others   for each token beyond the least any replica would have to compute: the requests that queue
 *              up behind it in the meantime, b / (1 - b) where it is busy for a share b of the time, and
 *              two for what it drives out of a full cache
 *   + memory   for each token that this request would take there: 0.2 u / (1.03 - u) where open requests
 *              use a share u of it, since in a full one requests wait for the end of others
 *   + reading  0.002 for each token of its open requests, since its steps take longer with them, and 0.003
 *              more for each that shares the part of the prompt that others lack, so that it spreads.
 *
 * Of those whose costs are about equal, one that still has something to compute is passed by while another has
 * nothing, for its step has to end first; and so is one that has an eighth more of its places taken than another:
 * with few places each open request makes the others' answers slower. Of the rest rendezvous hashing by the key
 * takes the same one in each router.
 * @param uncached how many tokens each candidate would have to compute
 * @returns the position of the chosen one; -1 when there is none
 */
export function pick(
  candidates: readonly Candidate[],
  uncached: ArrayLike<number>,
  { tokens, answerTokens, sharers, key, concurrency }: Asked,
): number {
  if (costs.length < candidates.length) costs = new Float64Array(2 * candidates.length);
  let fewest = Number.POSITIVE_INFINITY;
  let most = 0;
  for (let at = 0; at < candidates.length; at++) {
    fewest = Math.min(fewest, uncached[at] ?? 0);
    most = Math.max(most, uncached[at] ?? 0);
  }
  const reading = readingCost + (sharerCost * sharers * (most - fewest)) / tokens;
  let least = Number.POSITIVE_INFINITY;
  for (let at = 0; at < candidates.length; at++) {
    const candidate = candidates[at] as Candidate;
    const own =
      cost(candidate, uncached[at] ?? 0, fewest, answerTokens) + reading * candidate.allOpenTokens;
    costs[at] = own;
    if (own < least) least = own;
  }
  let isAnyIdle = false;
  let fewestOpen = Number.POSITIVE_INFINITY;
  for (let at = 0; at < candidates.length; at++) {
    if ((costs[at] as number) > least + slack) continue;
    const { waitTokens, allInFlight } = candidates[at] as Candidate;
    const isIdle = waitTokens === 0;
    if (isIdle && !isAnyIdle) fewestOpen = Number.POSITIVE_INFINITY;
    isAnyIdle ||= isIdle;
    if (isIdle === isAnyIdle) fewestOpen = Math.min(fewestOpen, allInFlight);
  }
  const mostOpen = fewestOpen + moreOpen * concurrency;
  let chosen = -1;
  let highest = Number.NEGATIVE_INFINITY;
  for (let at = 0; at < candidates.length; at++) {
    if ((costs[at] as number) > least + slack) continue;
    const { seed, waitTokens, allInFlight } = candidates[at] as Candidate;
    if ((waitTokens === 0) !== isAnyIdle || allInFlight > mostOpen) continue;
    const weight = mix(key, seed);
    if (weight <= highest) continue;
    highest = weight;
    chosen = at;
  }
  return chosen;
}

let costs = new Float64Array(0);

function cost(candidate: Candidate, uncached: number, fewest: number, answer: number): number {
  const { busyShare, waitTokens, usedShare, prefixes } = candidate;
  const delay = Math.min(maxDelayCost, busyShare / Math.max(0.01, 1 - busyShare));
  const others = (uncached - fewest) * (delay + (prefixes.isFull ? evictionCost : 0));
  const memory = ((uncached + answer) * memoryCost * usedShare) / (beyondFull - usedShare);
  return waitTokens + uncached + others + memory;
}
