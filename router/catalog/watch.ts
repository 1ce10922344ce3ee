import { modelDeploymentLabel } from '../../crds/labels.ts';
import { type ModelDeployment, ModelDeployments } from '../../crds/modeldeployment.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Logger } from '../../kube/logger.ts';
import type { KubeMetrics } from '../../kube/metrics.ts';
import { createReflector } from '../../kube/reflector.ts';
import { type Pod, Pods } from '../../kube/resources.ts';
import { buildCatalog } from './build.ts';
import { type Catalog, emptyCatalog } from './model.ts';
import { slimPod } from './replica.ts';

/** The catalog as it is now. */
export interface CatalogSource {
  current(): Catalog;
  /** Whether the cluster has been read completely once; never becomes false again. */
  hasSynced(): boolean;
}

/** A catalog that follows the cluster. */
export interface CatalogWatch extends CatalogSource {
  start(): void;
  synced(signal?: AbortSignal): Promise<void>;
  /** Time since the API server last sent anything, in milliseconds. */
  ageMs(): number;
  stop(): Promise<void>;
}

/**
 * Watches ModelDeployments and their pods and keeps a catalog of them. Changes that come together make
 * one new catalog. When the API server is away the last one stays.
 * @param namespace only this one; undefined: all
 * @param onChange told of each new catalog once the first is complete
 */
export function watchCatalog(options: {
  client: KubeClient;
  namespace: string | undefined;
  onChange: (catalog: Catalog) => void;
  log?: Logger | undefined;
  metrics?: KubeMetrics | undefined;
}): CatalogWatch {
  const { client, namespace, log, metrics, onChange } = options;
  const common = { client, namespace, log, metrics };
  const deployments = createReflector<ModelDeployment>({ ...common, type: ModelDeployments });
  const pods = createReflector<Pod>({
    ...common,
    type: Pods,
    labelSelector: modelDeploymentLabel,
    transform: slimPod,
  });
  let catalog = emptyCatalog;
  let scheduled: NodeJS.Immediate | undefined;
  const hasSynced = () => deployments.hasSynced() && pods.hasSynced();
  const rebuild = () => {
    scheduled = undefined;
    if (!hasSynced()) return;
    catalog = buildCatalog(deployments.store.list(), pods.store.list());
    onChange(catalog);
  };
  const schedule = () => {
    scheduled ??= setImmediate(rebuild);
  };
  for (const reflector of [deployments, pods]) {
    reflector.addHandler(schedule);
  }
  let synced = false;
  return {
    current: () => catalog,
    hasSynced: () => synced,
    start() {
      deployments.start();
      pods.start();
    },
    async synced(signal) {
      await Promise.all([deployments.synced(signal), pods.synced(signal)]);
      rebuild();
      synced = true;
    },
    ageMs: () => Math.max(deployments.lastEventAgeMs(), pods.lastEventAgeMs()),
    async stop() {
      clearImmediate(scheduled);
      await Promise.all([deployments.stop(), pods.stop()]);
    },
  };
}
