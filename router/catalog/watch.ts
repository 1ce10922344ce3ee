import { type ExternalModel, ExternalModels } from '../../crds/externalmodel.ts';
import {
  externalModelKind,
  modelDeploymentLabel,
  secretKindLabel,
  workerLabel,
} from '../../crds/labels.ts';
import { type ModelDeployment, ModelDeployments } from '../../crds/modeldeployment.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Logger } from '../../kube/logger.ts';
import type { KubeMetrics } from '../../kube/metrics.ts';
import { createReflector } from '../../kube/reflector.ts';
import { type Pod, Pods, type Secret, Secrets } from '../../kube/resources.ts';
import { Prober } from '../probe/prober.ts';
import { buildCatalog, type KnownModels } from './build.ts';
import { type Catalog, emptyCatalog } from './model.ts';
import { slimPod } from './replica.ts';

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
  const reflectors = [deployments, pods, ...externals, ...secrets];
  const known: KnownModels = new WeakMap();
  let catalog = emptyCatalog;
  let scheduled: NodeJS.Immediate | undefined;
  const rebuild = () => {
    scheduled = undefined;
    if (!reflectors.every((reflector) => reflector.hasSynced())) return;
    const present = pods.store.list();
    prober.follow(present);
    catalog = buildCatalog(
      deployments.store.list(),
      present,
      externals.flatMap(({ store }) => store.list()),
      secrets.flatMap(({ store }) => store.list()),
      prober.answering,
      known,
    );
    onChange(catalog);
  };
  const schedule = () => {
    scheduled ??= setImmediate(rebuild);
  };
  const prober = new Prober({ onChange: schedule });
  for (const reflector of reflectors) reflector.addHandler(schedule);
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
