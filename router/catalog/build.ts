import { modelDeploymentLabel } from '../../crds/labels.ts';
import { featuresOf } from '../../crds/modeldeployment/features.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import { claimNames, servedNamesOf } from '../../crds/names.ts';
import type { Pod } from '../../kube/resources.ts';
import type { Catalog, Model, Replica } from './model.ts';
import { podState, replicaOf } from './replica.ts';
import { routingOf } from './routing.ts';

/**
 * Makes the catalog of what can be asked for out of what the cluster holds. A name belongs to the oldest
 * object that claims it (`claimNames`, as the operator has it); an object without replicas is listed all
 * the same, so that asking for it says "not ready" rather than "unknown".
 */
export function buildCatalog(
  deployments: readonly ModelDeployment[],
  pods: readonly Pod[],
): Catalog {
  const podsByOwner = Map.groupBy(
    pods.filter((pod) => pod.metadata.labels?.[modelDeploymentLabel] !== undefined),
    (pod) => ownerKey(pod.metadata.namespace, pod.metadata.labels?.[modelDeploymentLabel]),
  );
  const modelOf = new Map<ModelDeployment, Model>();
  const byName = new Map<string, Model>();
  const claimants = deployments.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  for (const [name, deployment] of claimNames(claimants).owners) {
    let model = modelOf.get(deployment);
    if (!model) {
      const { metadata } = deployment;
      const own = podsByOwner.get(ownerKey(metadata.namespace, metadata.name)) ?? [];
      model = buildModel(deployment, own);
      modelOf.set(deployment, model);
    }
    byName.set(name, model);
  }
  const models = [...modelOf.values()].sort(by(({ servedName }) => servedName));
  return { byName, models };
}

function buildModel(deployment: ModelDeployment, pods: readonly Pod[]): Model {
  const { metadata, spec } = deployment;
  const counts = { ready: 0, starting: 0, terminating: 0 };
  const replicas: Replica[] = [];
  for (const pod of pods) {
    const state = podState(pod);
    counts[state]++;
    const replica = state === 'ready' ? replicaOf(pod) : undefined;
    if (replica) replicas.push(replica);
  }
  const [servedName = metadata.name, ...aliases] = servedNamesOf(deployment);
  const ready = deployment.status?.conditions.find(({ type }) => type === 'Ready');
  return {
    kind: 'ModelDeployment',
    servedName,
    aliases,
    adapters: [],
    engineName: servedName,
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    createdS: Math.floor(Date.parse(metadata.creationTimestamp) / 1000),
    features: new Set(featuresOf(spec.engine)),
    replicas: replicas.sort(by(({ pod }) => pod)),
    counts: { desired: spec.replicas, ...counts },
    routing: routingOf(spec.routing),
    maxInFlight: undefined,
    notReadyMessage: ready && ready.status !== 'True' ? ready.message : undefined,
  };
}

function ownerKey(namespace: string | undefined, name: string | undefined): string {
  return `${namespace}/${name}`;
}

function by<T>(key: (value: T) => string): (a: T, b: T) => number {
  return (a, b) => (key(a) < key(b) ? -1 : Number(key(a) > key(b)));
}
