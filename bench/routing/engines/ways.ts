import { type RoutingPolicy, routingPolicies } from '../../../crds/modeldeployment/routing.ts';

/** How requests get to replicas: through the router, or past it. */
export interface Way {
  readonly name: string;
  /** Absent: past the router, through a Service. */
  readonly policy?: RoutingPolicy;
  /** The router follows the engines' KV events, where they tell any. */
  readonly followsKvEvents?: boolean;
}

export const ways: readonly Way[] = [
  ...routingPolicies.map((policy) => ({ name: policy as string, policy })),
  { name: 'PrefixAware, KV events', policy: 'PrefixAware', followsKvEvents: true },
  { name: 'Kubernetes Service' },
];

/** The name under which a way's traffic asks. */
export function modelOf({ name }: Way): string {
  return name.toLowerCase().replaceAll(/[ ,]+/g, '-');
}
