import { durationMs } from '../../crds/duration.ts';
import {
  type RoutingPolicy,
  type RoutingSpec,
  routingSpec,
} from '../../crds/modeldeployment/routing.ts';

/** How long a request waits, in milliseconds; 0: no limit. */
export interface Timeouts {
  readonly connectMs: number;
  readonly firstByteMs: number;
  readonly idleMs: number;
  readonly totalMs: number;
}

/** `spec.routing` as the request path reads it. */
export interface Routing {
  readonly policy: RoutingPolicy;
  /** How many other replicas a request may be tried on. */
  readonly retries: number;
  readonly timeouts: Timeouts;
  /** Names of models that are asked, in this order, when no replica can take a request. */
  readonly fallbacks: readonly string[];
}

const defaults: RoutingSpec = routingSpec.parse({});

/** @param spec absent in an object that the API server read with an older CRD */
export function routingOf(spec: RoutingSpec = defaults): Routing {
  const { policy, retries, timeouts, fallbacks = [] } = spec;
  return { policy, retries, timeouts: timeoutsOf(timeouts), fallbacks };
}

export function timeoutsOf(spec: RoutingSpec['timeouts'] = defaults.timeouts): Timeouts {
  return {
    connectMs: durationMs(spec.connect),
    firstByteMs: durationMs(spec.firstByte),
    idleMs: durationMs(spec.idle),
    totalMs: durationMs(spec.total),
  };
}
