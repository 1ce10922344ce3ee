/** What is known when an attempt ended without a byte for the client. */
export interface AttemptResult {
  /** The engine's status; undefined: there was no answer. */
  readonly status: number | undefined;
  /** The connection had served another request before. */
  readonly reusedSocket: boolean;
  /** The request was tried again on a fresh connection to this replica already. */
  readonly freshTried: boolean;
  /** Another replica would fail in the same way. */
  readonly hopeless: boolean;
}

/** What to do next. */
export type Decision =
  /** The engine's answer is the answer. */
  | 'pass'
  /** Send it again to this replica over a fresh connection; not a failure of the replica. */
  | 'fresh'
  /** Send it to a replica that has not failed this request. */
  | 'elsewhere'
  | 'give_up';

/** Answers that tell of the replica rather than of the request. */
const retriedStatuses = new Set([502, 503, 504]);

/**
 * Decides after an attempt. Engines close idle connections after 5 s, so a reused one that breaks
 * before any byte says nothing about the replica.
 * @param retriesLeft how many more replicas may be tried
 * @param othersLeft how many ready replicas have not failed this request
 */
export function decide(result: AttemptResult, retriesLeft: number, othersLeft: number): Decision {
  const another = retriesLeft > 0 && othersLeft > 0;
  if (result.status !== undefined) {
    return retriedStatuses.has(result.status) && another ? 'elsewhere' : 'pass';
  }
  if (result.hopeless) return 'give_up';
  if (result.reusedSocket && !result.freshTried) return 'fresh';
  return another ? 'elsewhere' : 'give_up';
}
