/** What one router has of a model: requests that wait or are in flight. */
export interface RouterDemand {
  /** By which equal claims are told apart, in all routers alike. */
  readonly router: string;
  readonly demand: number;
}

/**
 * How many places of a model one router may fill, where several routers hold requests for it and each
 * decides for itself. Places are shared by what each has, held or in flight, which a release does not
 * change: so routers that know the same give away each place once, and what a router has not yet heard of
 * a neighbour's release does no harm. Each gets one at least, even if there are fewer places than routers,
 * for nobody may wait for ever; engines let the one too many wait.
 * @param places that the model's ready replicas have together
 * @param others that have anything
 */
export function shareOf(
  places: number,
  own: RouterDemand,
  others: readonly RouterDemand[],
): number {
  const claims = [own, ...others].filter(({ demand }) => demand > 0);
  const wanted = claims.reduce((sum, { demand }) => sum + demand, 0);
  if (wanted <= places) return own.demand;
  const free = places - claims.length;
  if (free <= 0) return 1;
  // One each, the rest by what each has beyond one; what that leaves over goes to the largest remainders.
  const shares = claims.map(({ router, demand }) => {
    const exact = (free * (demand - 1)) / (wanted - claims.length);
    return { router, whole: Math.floor(exact), rest: exact % 1 };
  });
  const left = free - shares.reduce((sum, { whole }) => sum + whole, 0);
  shares.sort((a, b) => b.rest - a.rest || (a.router < b.router ? -1 : 1));
  const at = shares.findIndex(({ router }) => router === own.router);
  return 1 + (shares[at]?.whole ?? 0) + (at < left ? 1 : 0);
}
