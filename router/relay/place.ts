import type { Balancer, Placement, RoutingRequest } from '../balance/balancer.ts';
import { hashText } from '../balance/hash.ts';
import { candidatesOf } from '../canary/split.ts';
import type { Replica } from '../catalog/model.ts';
import type { Target } from '../catalog/target.ts';
import type { RelayRequest } from './request.ts';
import type { Stop } from './route.ts';

/** A place at one of the replicas that the route led to; undefined where none of them has room. */
export function placeAt(
  balancer: Balancer,
  request: RelayRequest,
  { target, candidates, isRetry }: Stop,
): Placement | undefined {
  const { canary, routing } = target.model;
  const routed = routingRequest(request, target);
  return balancer.place(
    routed,
    routing.policy,
    candidatesOf(canary, candidates, pointOf(routed.sessionKey), isRetry),
  );
}

/** How well replicas suit a request that waits for one. */
export function fitOf(
  balancer: Balancer,
  request: RelayRequest,
  target: Target,
): (replicas: readonly Replica[]) => number {
  return balancer.fitOf(routingRequest(request, target), target.model.routing.policy);
}

function routingRequest(
  { body, asked, sessionKey = asked.sessionKey }: RelayRequest,
  { model: { servedName, concurrency }, adapter }: Target,
): RoutingRequest {
  return {
    ...{ model: servedName, adapter, body, sessionKey, concurrency },
    ...{ promptSpans: asked.promptSpans, isStreamed: asked.stream },
  };
}

/** Where a request stands between 0 and 1: all of one conversation at the same place, others anywhere. */
function pointOf(sessionKey: string | undefined): number {
  return sessionKey === undefined ? Math.random() : (hashText(sessionKey) >>> 0) / 2 ** 32;
}
