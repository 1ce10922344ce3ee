import type { Replica } from '../modeldeployment/replica.ts';
import { type StatusInput, statusOf } from '../modeldeployment/status.ts';
import { modelDeployment, nowMs } from './fixtures.ts';

/** The status of so many wanted replicas of the revision `new`, of which these are there. */
export function statusFor(
  replicas: number,
  present: readonly Replica[],
  rest: Partial<StatusInput> = {},
) {
  return statusOf({
    deployment: modelDeployment({ replicas }),
    problem: undefined,
    revision: 'new',
    present,
    refusal: undefined,
    loads: [],
    routerUrl: 'http://router/v1',
    nowMs,
    ...rest,
  });
}
