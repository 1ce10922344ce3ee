import { type ExternalModel, ExternalModels } from '../../crds/externalmodel.ts';
import {
  externalModelKind,
  modelDeploymentLabel,
  secretKindLabel,
  workerLabel,
} from '../../crds/labels.ts';
import { type ModelDeployment, ModelDeployments } from '../../crds/modeldeployment.ts';
import { claimsAlike } from '../../crds/names.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Logger } from '../../kube/logger.ts';
import type { KubeMetrics } from '../../kube/metrics.ts';
import { keyOf } from '../../kube/object.ts';
import { createReflector } from '../../kube/reflector.ts';
import { type Pod, Pods, type Secret, Secrets } from '../../kube/resources.ts';
import { Prober } from '../probe/prober.ts';
import { buildCatalog, type KnownModels, updateCatalog } from './build.ts';
import { type Catalog, emptyCatalog } from './model.ts';
import { ownerKey, slimPod } from './replica.ts';

const byOwner = 'owner';

/** The catalog as it is now. */
export interface CatalogSource {
  current(): Catalog;
}

/** A catalog that follows the cluster. */
export interface CatalogWatch extends CatalogSource {
  start(): void;
  /** Resolves once the cluster has been read completely. */
  synced(signal?: AbortSignal): Promise<void>;
  /** Time since the API server last sent anything, in milliseconds. */
  ageMs(): number;
  stop(): Promise<void>;
}

/**
 * Watches ModelDeployments and their pods, and ExternalModels with their Secrets, and keeps a catalog of
 * them. Changes that come together make one new catalog. A starting pod is ready in it as soon as its engine
 * answers (`router/probe/`). When the API server is away the last one stays.
 * @param namespace only ModelDeployments of this one; undefined: of all
 * @param externalNamespaces whose ExternalModels are served
 * @param onChange told of each new catalog once the first is complete
 */
export function watchCatalog(options: {
  client: KubeClient;
  namespace: string | undefined;
  externalNamespaces: readonly string[];
  onChange: (catalog: Catalog) => void;
  log?: Logger | undefined;
  metrics?: KubeMetrics | undefined;
}): CatalogWatch {
  const { client, namespace, log, metrics, onChange } = options;
  const common = { client, log, metrics };
  const deployments = createReflector<ModelDeployment>({
    ...common,
    namespace,
    type: ModelDeployments,
  });
  const pods = createReflector<Pod>({
    ...common,
    namespace,
    type: Pods,
    // What computes for another pod serves no requests.
    labelSelector: `${modelDeploymentLabel},!${workerLabel}`,
    transform: slimPod,
    indexes: { [byOwner]: (pod) => [ownerKey(pod)] },
  });
  const externals = options.externalNamespaces.map((one) =>
    createReflector<ExternalModel>({ ...common, namespace: one, type: ExternalModels }),
  );
  const secrets = options.externalNamespaces.map((one) =>
    createReflector<Secret>({
      ...common,
      namespace: one,
      type: Secrets,
      labelSelector: `${secretKindLabel}=${externalModelKind}`,
    }),
  );
  const known: KnownModels = new WeakMap();
  let catalog = emptyCatalog;
  let scheduled: NodeJS.Immediate | undefined;
  /** ModelDeployments of which something has changed since the last catalog, but not their names. */
  const touched = new Set<string>();
  /** Something else has. */
  let isStale = true;
  const prober = new Prober({ onChange: ({ owner }) => touch(owner) });
  const schedule = () => {
    scheduled ??= setImmediate(rebuild);
  };
  const touch = (owner: string) => {
    touched.add(owner);
    schedule();
  };
  const makeStale = () => {
    isStale = true;
    schedule();
  };
  deployments.addHandler((before, after) => {
    if (after && claimsAlike(before, after)) touch(keyOf(after));
    else makeStale();
  });
  pods.addHandler((before, after) => {
    if (after) prober.follow(after);
    else if (before) prober.forget(before.metadata.uid);
    for (const pod of [before, after]) if (pod) touch(ownerKey(pod));
  });
  const others = [...externals, ...secrets];
  for (const reflector of others) reflector.addHandler(makeStale);
  const reflectors = [deployments, pods, ...others];
  const whole = () =>
    buildCatalog(
      deployments.store.list(),
      pods.store.list(),
      externals.flatMap(({ store }) => store.list()),
      secrets.flatMap(({ store }) => store.list()),
      prober.answering,
      known,
    );
  const updated = () => {
    const changes = Array.from(touched, (key) => {
      const deployment = deployments.store.get(key);
      return { key, deployment, pods: pods.store.byIndex(byOwner, key) };
    });
    return updateCatalog(catalog, changes, prober.answering, known);
  };
  const rebuild = () => {
    scheduled = undefined;
    if (!reflectors.every((reflector) => reflector.hasSynced())) return;
    catalog = isStale ? whole() : updated();
    isStale = false;
    touched.clear();
    onChange(catalog);
  };
  return {
    current: () => catalog,
    start() {
      for (const reflector of reflectors) reflector.start();
    },
    async synced(signal) {
      await Promise.all(reflectors.map((reflector) => reflector.synced(signal)));
      rebuild();
    },
    ageMs: () => Math.max(...reflectors.map((reflector) => reflector.lastEventAgeMs())),
    async stop() {
      prober.stop();
      clearImmediate(scheduled);
      await Promise.all(reflectors.map((reflector) => reflector.stop()));
    },
  };
}
