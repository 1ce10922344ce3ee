import type { RouterMetrics } from '../../telemetry/metrics.ts';
import type { Model } from '../catalog/model.ts';
import type { Ejections } from '../ejection/ejections.ts';
import type { Balancer } from './balancer.ts';

/** Counts and times a balancer's decisions. */
export function metered(balancer: Balancer, metrics: RouterMetrics, nowMs: () => number): Balancer {
  const { routingDecisions, routingDuration, prefixLookupBlocks, prefixHitBlocks } = metrics;
  return {
    place(request, policy, candidates) {
      const startMs = nowMs();
      const placement = balancer.place(request, policy, candidates);
      if (!placement) return undefined;
      routingDuration.observe({}, (nowMs() - startMs) / 1000);
      const model = { gen_ai_request_model: request.model };
      const { reason, prefix } = placement;
      routingDecisions.inc({ ...model, policy, reason });
      if (prefix) {
        prefixLookupBlocks.inc(model, prefix.units);
        prefixHitBlocks.inc(model, prefix.matchedUnits);
      }
      return placement;
    },
    fitOf: (request, policy) => balancer.fitOf(request, policy),
    inFlight: (replicaId) => balancer.inFlight(replicaId),
    pendingTokens: (replicaId) => balancer.pendingTokens(replicaId),
    withRoom: (candidates, concurrency, soon) => balancer.withRoom(candidates, concurrency, soon),
    get total() {
      return balancer.total;
    },
    retain: (replicas) => balancer.retain(replicas),
  };
}

/** Shows each replica there is now, its load and whether it is asked; series of others go. */
export function showBackends(
  balancer: Balancer,
  ejections: Pick<Ejections, 'admit'>,
  { backendUp, backendRequestsInFlight, backendPendingTokens }: RouterMetrics,
  models: readonly Model[],
): void {
  backendUp.reset();
  backendRequestsInFlight.reset();
  backendPendingTokens.reset();
  for (const { servedName, replicas } of models) {
    const admitted = new Set(ejections.admit(replicas));
    for (const replica of replicas) {
      const { id, pod, host, namespace } = replica;
      const labels = { gen_ai_request_model: servedName, namespace, backend: pod || host };
      backendUp.set(labels, Number(admitted.has(replica)));
      backendRequestsInFlight.set(labels, balancer.inFlight(id));
      backendPendingTokens.set(labels, balancer.pendingTokens(id));
    }
  }
}
