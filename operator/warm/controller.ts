import { managedByFairlead, managedByLabel, warmLabel } from '../../crds/labels.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import type { KubeClient } from '../../kube/client.ts';
import { type Controller, createController } from '../../kube/controller.ts';
import { isAlreadyExists, isNotFound, unless } from '../../kube/errors.ts';
import type { Logger } from '../../kube/logger.ts';
import type { KubeMetrics } from '../../kube/metrics.ts';
import { keyOf } from '../../kube/object.ts';
import { createReflector, type Reflector } from '../../kube/reflector.ts';
import { type ControllerRevision, type Pod, Pods } from '../../kube/resources.ts';
import type { OperatorConfig } from '../config.ts';
import { fieldManager, isRefusal, words } from '../modeldeployment/apply.ts';
import { historyOf } from '../modeldeployment/history.ts';
import { byOwner, keysOfOwned, ownedIndexes } from '../modeldeployment/indexes.ts';
import { warmPlan } from './plan.ts';

interface Common {
  client: KubeClient;
  metrics: KubeMetrics;
  log: Logger;
}

/** Makes the reflector of the pods that keep nodes warm; the caller starts and stops it. */
export function createWarmWatched(
  common: Common,
  { watchNamespace: namespace }: Pick<OperatorConfig, 'watchNamespace'>,
): { warmPods: Reflector<Pod> } {
  const labelSelector = `${managedByLabel}=${managedByFairlead},${warmLabel}`;
  const options = { ...common, namespace, labelSelector, indexes: ownedIndexes };
  return { warmPods: createReflector({ ...options, type: Pods }) };
}

/**
 * The controller of the pods that hold a model's images on nodes while it is at zero.
 * Observes: ModelDeployments, ControllerRevisions, and its own pods by label.
 * Writes: these pods (create, delete).
 * @param client fenced
 */
export function createWarmController(
  { client, metrics, log }: Common,
  { warmPods }: { warmPods: Reflector<Pod> },
  modelDeployments: Reflector<ModelDeployment>,
  revisions: Reflector<ControllerRevision>,
  { loader }: Pick<OperatorConfig, 'loader'>,
): Controller {
  const controller = createController({
    name: 'warm',
    workers: 1,
    metrics,
    log,
    async reconcile(key, { signal }) {
      const deployment = modelDeployments.store.get(key);
      if (!deployment || deployment.metadata.deletionTimestamp) return;
      const { uid } = deployment.metadata;
      const history = historyOf(revisions.store.byIndex(byOwner, uid));
      const { creates, deletes } = warmPlan({
        deployment,
        template: history.get(deployment.status?.updateRevision ?? '')?.template,
        sleeperImage: loader.image,
        present: warmPods.store.byIndex(byOwner, uid),
      });
      for (const { metadata } of deletes)
        await unless(isNotFound, client.delete(Pods, metadata, { uid: metadata.uid, signal }));
      for (const pod of creates) {
        await unless(isAlreadyExists, client.create(Pods, pod, { fieldManager, signal })).catch(
          (error: unknown) => {
            if (!isRefusal(error)) throw error;
            log.warn({ key, refusal: words(error) }, 'a node cannot be kept warm');
          },
        );
      }
    },
  });
  controller.watch(modelDeployments, (deployment) => [keyOf(deployment)]);
  controller.watch(revisions, keysOfOwned);
  controller.watch(warmPods, ({ metadata: { namespace, labels } }) => [
    `${namespace}/${labels?.[warmLabel]}`,
  ]);
  return controller;
}
