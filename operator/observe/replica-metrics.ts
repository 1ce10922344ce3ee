import type { AcceleratorProfile } from '../../crds/acceleratorprofile.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import { servedNameOf } from '../../crds/names.ts';
import { keyOf } from '../../kube/object.ts';
import type { Reflector } from '../../kube/reflector.ts';
import type { Pod } from '../../kube/resources.ts';
import type { ReplicaState } from '../../telemetry/contract/values.ts';
import type { OperatorMetrics } from '../../telemetry/metrics.ts';
import { byModelDeployment, keysOfOwned } from '../modeldeployment/indexes.ts';
import { type Replica, replicaOf } from '../modeldeployment/replica.ts';

/** What is looked at; never changed. */
export interface Seen {
  modelDeployments: Pick<Reflector<ModelDeployment>, 'store'>;
  profiles: Pick<Reflector<AcceleratorProfile>, 'store'>;
  pods: Pick<Reflector<Pod>, 'store' | 'addHandler'>;
}

/**
 * Shows the replicas of every model, how long they have been on nodes, and what they cost. The time is
 * counted from when this begins: what was before is in the counter of the operator that led then.
 * @param nowMs milliseconds since 1970
 * @returns `collect`, to be called before each scrape
 */
export function showReplicas(
  { modelDeployments, profiles, pods }: Seen,
  metrics: Pick<OperatorMetrics, 'modelReplicas' | 'replicaSeconds' | 'replicaPricePerHour'>,
  nowMs: () => number,
): { collect(): void } {
  const beganAtMs = nowMs();
  /** By uid, up to when the time of a pod is counted. */
  const countedUntilMs = new Map<string, number>();

  pods.addHandler((before, after) => {
    if (!before || after) return;
    const [key = ''] = keysOfOwned(before);
    const deployment = modelDeployments.store.get(key);
    if (deployment) countSeconds(deployment, before);
    countedUntilMs.delete(before.metadata.uid);
  });

  function collect(): void {
    metrics.modelReplicas.reset();
    metrics.replicaPricePerHour.reset();
    const shown = new Set<string>();
    for (const deployment of modelDeployments.store.list()) {
      shown.add(seriesOf(deployment));
      const own = pods.store.byIndex(byModelDeployment, keyOf(deployment));
      showStates(deployment, own);
      showPrice(deployment);
      for (const pod of own) countSeconds(deployment, pod);
    }
    metrics.replicaSeconds.retain(({ gen_ai_request_model, namespace }) =>
      shown.has(`${namespace}/${gen_ai_request_model}`),
    );
  }

  function showStates(deployment: ModelDeployment, own: readonly Pod[]): void {
    const counts: Record<ReplicaState, number> = {
      desired: deployment.spec.replicas,
      ready: 0,
      starting: 0,
      terminating: 0,
    };
    for (const pod of own) {
      const state = stateOf(replicaOf(pod));
      if (state) counts[state]++;
    }
    const { namespace } = deployment.metadata;
    for (const [state, count] of Object.entries(counts)) {
      const labels = { gen_ai_request_model: servedNameOf(deployment), namespace, state };
      metrics.modelReplicas.set(labels, count);
    }
  }

  function showPrice(deployment: ModelDeployment): void {
    const { accelerator, nodes } = deployment.spec;
    const price = profiles.store.get(accelerator.profile)?.spec.pricePerHour;
    if (price === undefined) return;
    const perReplica = Number(price) * accelerator.count * nodes;
    metrics.replicaPricePerHour.set(costLabels(deployment), perReplica);
  }

  function countSeconds(deployment: ModelDeployment, pod: Pod): void {
    const sinceMs = onNodeSinceMs(pod);
    if (sinceMs === undefined) return;
    const { uid } = pod.metadata;
    const fromMs = countedUntilMs.get(uid) ?? Math.max(sinceMs, beganAtMs);
    const untilMs = Math.max(fromMs, nowMs());
    countedUntilMs.set(uid, untilMs);
    metrics.replicaSeconds.inc(costLabels(deployment), (untilMs - fromMs) / 1000);
  }

  return { collect };
}

function costLabels(deployment: ModelDeployment) {
  const { metadata, spec } = deployment;
  return {
    gen_ai_request_model: servedNameOf(deployment),
    namespace: metadata.namespace,
    accelerator: spec.accelerator.profile,
  };
}

function seriesOf(deployment: ModelDeployment): string {
  return `${deployment.metadata.namespace}/${servedNameOf(deployment)}`;
}

function stateOf({ state, ready }: Replica): ReplicaState | undefined {
  if (state === 'live') return ready ? 'ready' : 'starting';
  return state === 'dead' ? undefined : 'terminating';
}

/** Since when a pod takes up a node; undefined: it does not. */
function onNodeSinceMs({ spec, status }: Pod): number | undefined {
  const hasEnded = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  if (spec.nodeName === undefined || hasEnded) return undefined;
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled');
  return Date.parse(scheduled?.lastTransitionTime ?? '') || undefined;
}
