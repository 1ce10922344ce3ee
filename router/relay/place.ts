import type { Balancer, Placement } from '../balance/balancer.ts';
import { hashText } from '../balance/hash.ts';
import { candidatesOf } from '../canary/split.ts';
import type { RelayRequest } from './request.ts';
import type { Stop } from './route.ts';

/** A place at one of the replicas that the route led to; undefined where none of them has room. */
export function placeAt(
  balancer: Balancer,
  { body, asked, sessionKey = asked.sessionKey }: RelayRequest,
  { target: { model, adapter }, candidates, isRetry }: Stop,
): Placement | undefined {
  const { concurrency } = model;
  return balancer.place(
    {
      ...{ model: model.servedName, adapter, body, sessionKey },
      ...{ promptSpans: asked.promptSpans, isStreamed: asked.stream, concurrency },
    },
    model.routing.policy,
    candidatesOf(model.canary, candidates, pointOf(sessionKey), isRetry),
  );
}

/** Where a request stands between 0 and 1: all of one conversation at the same place, others anywhere. */
function pointOf(sessionKey: string | undefined): number {
  return sessionKey === undefined ? Math.random() : (hashText(sessionKey) >>> 0) / 2 ** 32;
}
