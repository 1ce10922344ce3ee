import type { ExternalModel } from '../../crds/externalmodel.ts';
import { modelDeploymentLabel } from '../../crds/labels.ts';
import type { Capabilities, Findings } from '../../crds/modeldeployment/capabilities.ts';
import { concurrencyOf } from '../../crds/modeldeployment/concurrency.ts';
import { featuresOf } from '../../crds/modeldeployment/features.ts';
import type { ModelDeployment, ModelDeploymentStatus } from '../../crds/modeldeployment.ts';
import { claimNames, type NameClaimant, servedNameOf, servedNamesOf } from '../../crds/names.ts';
import { keyOf } from '../../kube/object.ts';
import type { Pod, Secret } from '../../kube/resources.ts';
import { externalModelOf } from './external.ts';
import { holdOf } from './hold.ts';
import type { Canary, Catalog, Model, ModelPod, Replica } from './model.ts';
import { ownerKey, type PodState, podState, replicaOf } from './replica.ts';
import { routingOf } from './routing.ts';

/** Models that were made of these very objects before. */
export type KnownModels = WeakMap<ModelDeployment, Known>;

interface Known {
  readonly pods: readonly Pod[];
  readonly states: readonly PodState[];
  readonly model: Model;
}

/**
 * Makes the catalog of what can be asked for out of what the cluster holds. A name belongs to the oldest
 * object that claims it (`claimNames`, as the operator has it); an object without replicas is listed all
 * the same, so that asking for it says "not ready" rather than "unknown".
 * @param answering as in {@link podState}
 * @param known kept from one catalog to the next, so that models that have not changed are the same objects
 */
export function buildCatalog(
  deployments: readonly ModelDeployment[],
  pods: readonly Pod[],
  externals: readonly ExternalModel[] = [],
  secrets: readonly Secret[] = [],
  answering?: ReadonlySet<string>,
  known: KnownModels = new WeakMap(),
): Catalog {
  const podsByOwner = Map.groupBy(pods, ownerKey);
  const secretByName = new Map(secrets.map((secret) => [keyOf(secret), secret]));
  const makers = new Map<NameClaimant, () => Model>();
  for (const deployment of deployments.filter(isThere)) {
    const own = podsByOwner.get(keyOf(deployment)) ?? [];
    makers.set(deployment, () => modelOfPods(deployment, own, answering, known));
  }
  for (const external of externals.filter(isThere)) {
    makers.set(external, () => externalModelOf(external, secretByName));
  }
  const modelOf = new Map<NameClaimant, Model>();
  const byName = new Map<string, Model>();
  for (const [name, owner] of claimNames(makers.keys()).owners) {
    const model = modelOf.get(owner) ?? makers.get(owner)?.();
    if (!model) continue;
    modelOf.set(owner, model);
    byName.set(name, model);
  }
  const models = [...modelOf.values()].sort(by(({ servedName }) => servedName));
  const told = Array.from(podsByOwner, ([key, own]) => [key, own.map(modelPodOf)] as const);
  return { byName, models, pods: new Map(told) };
}

/** What has changed of one ModelDeployment, whose claim to names is as it was, or of its pods. */
export interface OwnerChange {
  /** `namespace/name` of the ModelDeployment. */
  readonly key: string;
  /** Undefined: there are only its pods left. */
  readonly deployment: ModelDeployment | undefined;
  /** All that are there. */
  readonly pods: readonly Pod[];
}

/** The catalog after some changes: costs what has changed, where {@link buildCatalog} looks at everything. */
export function updateCatalog(
  catalog: Catalog,
  changes: Iterable<OwnerChange>,
  answering: ReadonlySet<string>,
  known: KnownModels,
): Catalog {
  const byName = new Map(catalog.byName);
  const models = [...catalog.models];
  const told = new Map(catalog.pods);
  for (const { key, deployment, pods } of changes) {
    if (pods.length > 0) told.set(key, pods.map(modelPodOf));
    else told.delete(key);
    const index = models.findIndex(
      (model) => model.key === key && model.kind === 'ModelDeployment',
    );
    // Without a model its names are somebody else's, and stay so.
    if (index < 0 || !deployment) continue;
    const model = modelOfPods(deployment, pods, answering, known);
    models[index] = model;
    for (const name of servedNamesOf(deployment)) byName.set(name, model);
  }
  return { byName, models, pods: told };
}

function modelPodOf(pod: Pod): ModelPod {
  const { uid, namespace = '', labels } = pod.metadata;
  const deployment = labels?.[modelDeploymentLabel] ?? '';
  return { id: uid, namespace, deployment, departing: podState(pod) === 'terminating' };
}

/** The same object again where neither the deployment nor a pod of it has changed. */
function modelOfPods(
  deployment: ModelDeployment,
  present: readonly Pod[],
  answering: ReadonlySet<string> | undefined,
  known: KnownModels,
): Model {
  const pods = present.toSorted(by(({ metadata }) => metadata.name));
  const states = pods.map((pod) => podState(pod, answering));
  const before = known.get(deployment);
  if (before && isSameList(before.pods, pods) && isSameList(before.states, states)) {
    return before.model;
  }
  const model = buildModel(deployment, pods, states);
  known.set(deployment, { pods, states, model });
  return model;
}

function isSameList<T>(one: readonly T[], other: readonly T[]): boolean {
  return one.length === other.length && one.every((item, index) => item === other[index]);
}

function buildModel(
  deployment: ModelDeployment,
  pods: readonly Pod[],
  states: readonly PodState[],
): Model {
  const { metadata, spec } = deployment;
  const counts = { ready: 0, starting: 0, terminating: 0 };
  const replicas: Replica[] = [];
  for (const [index, pod] of pods.entries()) {
    const state = states[index] ?? 'starting';
    counts[state]++;
    const replica = state === 'ready' ? replicaOf(pod) : undefined;
    if (replica) replicas.push(replica);
  }
  const servedName = servedNameOf(deployment);
  const { aliases = [], adapters = [] }: NameClaimant['spec'] = spec;
  const ready = deployment.status?.conditions.find(({ type }) => type === 'Ready');
  return {
    kind: 'ModelDeployment',
    servedName,
    aliases,
    adapters: adapters.map(({ name }) => name),
    engineName: servedName,
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    key: keyOf(deployment),
    createdS: Math.floor(Date.parse(metadata.creationTimestamp) / 1000),
    features: new Set(featuresOf(spec.engine)),
    capabilities: deployment.status?.capabilities && findingsOf(deployment.status.capabilities),
    replicas,
    counts: { desired: spec.replicas, ...counts },
    routing: routingOf(spec.routing),
    runtime: spec.engine.type.toLowerCase(),
    tellsTokens: spec.engine.type === 'LlamaCpp',
    tellsMemory: spec.engine.type === 'vLLM' || spec.engine.type === 'SGLang',
    maxInFlight: undefined,
    concurrency: concurrencyOf(spec.engine),
    hold: holdOf(deployment),
    canary: deployment.status && canaryOf(deployment.status),
    notReadyMessage: ready && ready.status !== 'True' ? ready.message : undefined,
  };
}

function canaryOf({ canary }: ModelDeploymentStatus): Canary | undefined {
  if (canary?.phase !== 'Running') return undefined;
  return { revision: canary.revision, weight: canary.weight };
}

function findingsOf({ revision: _, ...findings }: Capabilities): Findings {
  return findings;
}

/** What is being deleted leaves its names to others. */
function isThere({ metadata }: { metadata: { deletionTimestamp?: string } }): boolean {
  return metadata.deletionTimestamp === undefined;
}

function by<T>(key: (value: T) => string): (a: T, b: T) => number {
  return (a, b) => (key(a) < key(b) ? -1 : Number(key(a) > key(b)));
}
