import { mix } from './hash.ts';

/** What the rule reads of a replica; {@link ReplicaLoad} has it. */
export interface Candidate {
  readonly seed: number;
  readonly allPendingTokens: number;
  readonly allHeldTokens: number;
  readonly busyShare: number;
  readonly prefixes: { readonly isFull: boolean };
}

/** What a token costs that drives another out of a full prefix cache, in tokens to compute. */
const evictionCost = 2;
/** What a token that an open request holds costs, in tokens to compute. */
const holdingCost = 0.05;
/** The most that others' waiting may count, for each token to compute. */
const maxDelayCost = 16;

/**
 * Chooses a replica for a prompt: the one with the least cost in prompt tokens to compute, which is
 *
 *     wait     what it still has to compute, and what it would have to compute of this prompt
 *   + others   for each token beyond the least any replica would have to compute: the requests that queue
 *              up behind it in the meantime, b / (1 - b) where it is busy for a share b of the time, and
 *              two for what it drives out of a full cache
 *   + room     0.05 for each token that its open requests hold: they share its memory and its steps.
 *
 * Of those whose costs differ by no more than `slack`, rendezvous hashing by `key` takes the same one in
 * each router.
 * @param uncached how many tokens each candidate would have to compute
 * @returns the position of the chosen one; -1 when there is none
 */
export function pick(
  candidates: readonly Candidate[],
  uncached: ArrayLike<number>,
  key: number,
  slack: number,
): number {
  if (costs.length < candidates.length) costs = new Float64Array(2 * candidates.length);
  let fewest = Number.POSITIVE_INFINITY;
  for (let at = 0; at < candidates.length; at++) fewest = Math.min(fewest, uncached[at] ?? 0);
  let least = Number.POSITIVE_INFINITY;
  for (let at = 0; at < candidates.length; at++) {
    const own = cost(candidates[at] as Candidate, uncached[at] ?? 0, fewest);
    costs[at] = own;
    if (own < least) least = own;
  }
  let chosen = -1;
  let highest = Number.NEGATIVE_INFINITY;
  for (let at = 0; at < candidates.length; at++) {
    if ((costs[at] as number) > least + slack) continue;
    const weight = mix(key, (candidates[at] as Candidate).seed);
    if (weight <= highest) continue;
    highest = weight;
    chosen = at;
  }
  return chosen;
}

let costs = new Float64Array(0);

function cost(candidate: Candidate, uncached: number, fewest: number): number {
  const { busyShare, allPendingTokens, allHeldTokens, prefixes } = candidate;
  const delay = Math.min(maxDelayCost, busyShare / Math.max(0.01, 1 - busyShare));
  const others = (uncached - fewest) * (delay + (prefixes.isFull ? evictionCost : 0));
  return allPendingTokens + uncached + others + holdingCost * allHeldTokens;
}
