import type { Verdict } from '../ejection/rule.ts';
import type { Failure } from './failure.ts';

/** Answers that tell of the replica rather than of the request. */
const replicaStatuses = new Set([502, 503, 504]);

/** Whether an answer of this status is asked of another replica, where there is one. */
export function isRetriedStatus(status: number): boolean {
  return replicaStatuses.has(status);
}

/** What an answer's status says about its replica. */
export function verdictOf(status: number): Verdict {
  if (isRetriedStatus(status)) return 'failed';
  return status >= 500 ? 'error' : 'ok';
}

/** What to do after an attempt that failed before its answer began. */
export type Decision =
  /** Send it again to this replica over a fresh connection; not a failure of the replica. */
  | 'fresh'
  /** Send it to a replica that has not failed this request, if there is one. */
  | 'elsewhere'
  | 'give_up';

/**
 * Decides after a failed attempt.
 * @param wasIdleRace a connection that had served others broke before any byte: engines close idle ones
 *   after 5 s, so that says nothing about the replica
 * @param freshTried it was tried again on a fresh connection to this replica already
 * @param lateBefore another replica's first byte did not come in time either: the prompt is long
 */
export function decide(
  failure: Failure,
  wasIdleRace: boolean,
  freshTried: boolean,
  lateBefore: boolean,
): Decision {
  switch (failure.label) {
    case '_OTHER':
    case 'timeout_total':
      return 'give_up';
    case 'timeout_headers':
      return lateBefore ? 'give_up' : 'elsewhere';
    case 'connection_error':
      return wasIdleRace && !freshTried ? 'fresh' : 'elsewhere';
    default:
      return 'elsewhere';
  }
}
