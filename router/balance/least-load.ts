/**
 * Chooses the candidate with the fewest requests in flight; among equals each is as likely, so that
 * routers which do not know of each other do not all choose the first.
 * @param random uniform in [0, 1)
 * @returns undefined when there is no candidate
 */
export function leastLoad<R extends { readonly id: string }>(
  candidates: readonly R[],
  inFlight: (replicaId: string) => number,
  random: () => number,
): R | undefined {
  let best: R | undefined;
  let least = Number.POSITIVE_INFINITY;
  let equals = 0;
  for (const candidate of candidates) {
    const load = inFlight(candidate.id);
    if (load < least) {
      best = candidate;
      least = load;
      equals = 1;
    } else if (load === least && random() * ++equals < 1) {
      best = candidate;
    }
  }
  return best;
}
