import type { Canary, Replica } from '../catalog/model.ts';

/**
 * The replicas of the revision that a request is for while a canary is on: so many of a hundred go to the
 * canary as its weight says. What failed once is not tried on a canary again. Where one revision has no
 * candidate the other takes all.
 * @param point of the request, uniform in [0, 1): the same for all of one conversation, which therefore moves
 *   to the canary once, when its weight grows over it
 */
export function candidatesOf(
  canary: Canary | undefined,
  candidates: readonly Replica[],
  point: number,
  isRetry: boolean,
): readonly Replica[] {
  if (!canary) return candidates;
  const isForCanary = !isRetry && point * 100 < canary.weight;
  const chosen = candidates.filter(
    ({ revision }) => (revision === canary.revision) === isForCanary,
  );
  return chosen.length > 0 ? chosen : candidates;
}
