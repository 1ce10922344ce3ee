import { type AcceleratorProfile, AcceleratorProfiles } from '../../crds/acceleratorprofile.ts';
import { managedByFairlead, managedByLabel } from '../../crds/labels.ts';
import { type ModelDeployment, ModelDeployments } from '../../crds/modeldeployment.ts';
import type { KubeClient } from '../../kube/client.ts';
import { type Controller, createController } from '../../kube/controller.ts';
import type { EventRecorder } from '../../kube/events.ts';
import type { Logger } from '../../kube/logger.ts';
import type { KubeMetrics } from '../../kube/metrics.ts';
import { keyOf } from '../../kube/object.ts';
import { createReflector, type Reflector } from '../../kube/reflector.ts';
import {
  type ControllerRevision,
  ControllerRevisions,
  type Pod,
  Pods,
} from '../../kube/resources.ts';
import type { OperatorConfig } from '../config.ts';
import {
  keysOfOwned,
  keysOfProfile,
  modelDeploymentIndexes,
  ownedIndexes,
  podIndexes,
  rivalsOf,
} from './indexes.ts';
import { createReconciler } from './reconcile.ts';

/** What the controller watches; filled before this process leads, so that a standby takes over warm. */
export interface Watched {
  modelDeployments: Reflector<ModelDeployment>;
  profiles: Reflector<AcceleratorProfile>;
  pods: Reflector<Pod>;
  revisions: Reflector<ControllerRevision>;
}

interface Common {
  client: KubeClient;
  metrics: KubeMetrics;
  log: Logger;
}

/** Makes the reflectors; the caller starts and stops them. */
export function createWatched({ client, metrics, log }: Common, namespace?: string): Watched {
  const labelSelector = `${managedByLabel}=${managedByFairlead}`;
  return {
    modelDeployments: createReflector({
      client,
      type: ModelDeployments,
      namespace,
      indexes: modelDeploymentIndexes,
      metrics,
      log,
    }),
    profiles: createReflector({ client, type: AcceleratorProfiles, metrics, log }),
    pods: createReflector({
      client,
      type: Pods,
      namespace,
      labelSelector,
      indexes: podIndexes,
      metrics,
      log,
    }),
    revisions: createReflector({
      client,
      type: ControllerRevisions,
      namespace,
      labelSelector,
      indexes: ownedIndexes,
      metrics,
      log,
    }),
  };
}

/** Makes the controller over what is watched. Its client must be fenced. */
export function createModelDeploymentController(
  { client, metrics, log }: Common,
  { modelDeployments, profiles, pods, revisions }: Watched,
  events: EventRecorder,
  settings: OperatorConfig,
): Controller {
  const controller = createController({
    name: 'modeldeployment',
    reconcile: createReconciler({
      client,
      events,
      modelDeployments: modelDeployments.store,
      profiles: profiles.store,
      pods: pods.store,
      revisions: revisions.store,
      demand: { inFlight: () => 0, isDrained: () => true },
      settings,
      routerUrl: settings.routerUrl,
      nowMs: () => Date.now(),
    }),
    workers: 8,
    metrics,
    log,
  });
  const { store } = modelDeployments;
  controller.watch(modelDeployments, (deployment) => rivalsOf(store, deployment).map(keyOf));
  controller.watch(profiles, (profile) => keysOfProfile(store, profile));
  controller.watch(pods, keysOfOwned);
  controller.watch(revisions, keysOfOwned);
  return controller;
}
