import { type AcceleratorProfile, AcceleratorProfiles } from '../../crds/acceleratorprofile.ts';
import type { ExternalModel } from '../../crds/externalmodel.ts';
import { managedByFairlead, managedByLabel, routerSelector } from '../../crds/labels.ts';
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
  type Job,
  Jobs,
  type PersistentVolumeClaim,
  PersistentVolumeClaims,
  type Pod,
  Pods,
} from '../../kube/resources.ts';
import type { Agents } from '../adapters/agents.ts';
import type { Autoscaler } from '../autoscaling/autoscaler.ts';
import { jobIndexes, keysOfWanting, type LoadStores } from '../cache/state.ts';
import type { Canaries } from '../canary/step.ts';
import type { ColdStarts } from '../coldstart/record.ts';
import type { OperatorConfig } from '../config.ts';
import { keysOfRivals } from '../names/rivals.ts';
import type { Prober } from '../probe/prober.ts';
import {
  keysOfClaim,
  keysOfOwned,
  keysOfPod,
  keysOfProfile,
  modelDeploymentIndexes,
  ownedIndexes,
  podIndexes,
} from './indexes.ts';
import type { Demand } from './plan.ts';
import { createReconciler } from './reconcile.ts';
import { slimPod } from './slim-pod.ts';

/** What the controller watches; filled before this process leads, so that a standby takes over warm. */
export interface Watched {
  modelDeployments: Reflector<ModelDeployment>;
  profiles: Reflector<AcceleratorProfile>;
  pods: Reflector<Pod>;
  revisions: Reflector<ControllerRevision>;
  /** That load into caches. */
  jobs: Reflector<Job>;
  claims: Reflector<PersistentVolumeClaim>;
  /** The routers' own pods. */
  routers: Reflector<Pod>;
}

/**
 * A pod's changes come in bursts, and those of replicas that start together too. Routers have seen for themselves
 * meanwhile that one is Ready, and whoever waited for it is served before its status is written.
 */
const podsSettleMs = 50;

interface Common {
  client: KubeClient;
  metrics: KubeMetrics;
  log: Logger;
}

/** Makes the reflectors; the caller starts and stops them. */
export function createWatched(
  { client, metrics, log }: Common,
  {
    watchNamespace: namespace,
    namespace: ownNamespace,
  }: Pick<OperatorConfig, 'watchNamespace' | 'namespace'>,
): Watched {
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
      transform: slimPod,
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
    jobs: createReflector({
      client,
      type: Jobs,
      namespace,
      labelSelector,
      indexes: jobIndexes,
      metrics,
      log,
    }),
    claims: createReflector({ client, type: PersistentVolumeClaims, namespace, metrics, log }),
    routers: createReflector({
      client,
      type: Pods,
      namespace: ownNamespace,
      labelSelector: routerSelector,
      metrics,
      log,
    }),
  };
}

/**
 * Makes the controller over what is watched. Its client must be fenced.
 * @param externalModels rivals for names, indexed by them
 */
export function createModelDeploymentController(
  { client, metrics, log }: Common,
  { modelDeployments, profiles, pods, revisions, jobs, claims }: Watched,
  externalModels: Reflector<ExternalModel>,
  events: EventRecorder,
  settings: OperatorConfig,
  demand: Demand,
  coldStarts: ColdStarts,
  prober: Prober,
  agents: Agents,
  canaries: Canaries,
  scaling: Pick<Autoscaler, 'verdictOf'>,
  progressOf: LoadStores['progressOf'],
): Controller {
  const { store } = modelDeployments;
  const claimants = [store, externalModels.store];
  const controller = createController({
    name: 'modeldeployment',
    reconcile: createReconciler({
      client,
      events,
      modelDeployments: store,
      claimants,
      profiles: profiles.store,
      pods: pods.store,
      revisions: revisions.store,
      loads: { claims: claims.store, jobs: jobs.store, pods: pods.store, progressOf },
      demand,
      coldStarts,
      prober,
      agents,
      canaries,
      scaling,
      settings,
      routerUrl: settings.routerUrl,
      nowMs: () => Date.now(),
    }),
    workers: 8,
    metrics,
    log,
  });
  controller.watch(modelDeployments, (deployment) => [
    keyOf(deployment),
    ...keysOfRivals(store, claimants, deployment),
  ]);
  controller.watch(externalModels, (external) => keysOfRivals(store, claimants, external));
  controller.watch(profiles, (profile) => keysOfProfile(store, profile));
  controller.watch(pods, (pod) => keysOfPod(jobs.store, pod), podsSettleMs);
  controller.watch(jobs, keysOfWanting);
  controller.watch(claims, (claim) => keysOfClaim(store, claim));
  controller.watch(revisions, keysOfOwned);
  return controller;
}
