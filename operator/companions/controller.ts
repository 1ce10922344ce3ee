import type { EventReason } from '../../crds/events.ts';
import { managedByFairlead, managedByLabel } from '../../crds/labels.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import { applyIfChanged } from '../../kube/apply.ts';
import type { KubeClient } from '../../kube/client.ts';
import { type Controller, createController } from '../../kube/controller.ts';
import { isNotFound, KubeApiError } from '../../kube/errors.ts';
import type { EventRecorder } from '../../kube/events.ts';
import type { Logger } from '../../kube/logger.ts';
import type { KubeMetrics } from '../../kube/metrics.ts';
import { type Intent, type KubeObject, keyOf, type ResourceType } from '../../kube/object.ts';
import { createReflector, type Reflector } from '../../kube/reflector.ts';
import {
  NetworkPolicies,
  type NetworkPolicy,
  type PodDisruptionBudget,
  PodDisruptionBudgets,
  type Service,
  Services,
} from '../../kube/resources.ts';
import type { Store } from '../../kube/store.ts';
import type { OperatorConfig } from '../config.ts';
import { fieldManager, isRefusal, words } from '../modeldeployment/apply.ts';
import { byOwner, keysOfOwned, ownedIndexes } from '../modeldeployment/indexes.ts';
import { companionsOf } from './intents.ts';

/** What the controller watches beside ModelDeployments. */
export interface Watched {
  services: Reflector<Service>;
  budgets: Reflector<PodDisruptionBudget>;
  policies: Reflector<NetworkPolicy>;
}

interface Common {
  client: KubeClient;
  metrics: KubeMetrics;
  log: Logger;
}

const hashAnnotation = 'fairlead.dev/intent';

/** Makes the reflectors; the caller starts and stops them. */
export function createCompanionsWatched(
  common: Common,
  { watchNamespace: namespace }: Pick<OperatorConfig, 'watchNamespace'>,
): Watched {
  const labelSelector = `${managedByLabel}=${managedByFairlead}`;
  const options = { ...common, namespace, labelSelector, indexes: ownedIndexes };
  return {
    services: createReflector({ ...options, type: Services }),
    budgets: createReflector({ ...options, type: PodDisruptionBudgets }),
    policies: createReflector({ ...options, type: NetworkPolicies }),
  };
}

/**
 * The controller of what stands beside a ModelDeployment's pods.
 * Observes: ModelDeployments, and by label Services, PodDisruptionBudgets and NetworkPolicies.
 * Writes: these three kinds (apply; delete those that are wanted no more), Events.
 * Never writes: an object of that name that someone else made; an Event tells of it.
 * @param client fenced
 */
export function createCompanionsController(
  { client, metrics, log }: Common,
  watched: Watched,
  modelDeployments: Reflector<ModelDeployment>,
  events: EventRecorder,
  { peers }: Pick<OperatorConfig, 'peers'>,
): Controller {
  const controller = createController({
    name: 'companions',
    workers: 4,
    metrics,
    log,
    async reconcile(key, { signal }) {
      const deployment = modelDeployments.store.get(key);
      if (!deployment || deployment.metadata.deletionTimestamp || deployment.spec.paused) return;
      const { service, budget, policy } = companionsOf(deployment, peers);
      const { services, budgets, policies } = watched;
      await bring(deployment, Services, services.store, service, signal);
      await bring(deployment, PodDisruptionBudgets, budgets.store, budget, signal);
      await bring(deployment, NetworkPolicies, policies.store, policy, signal);
    },
  });
  controller.watch(modelDeployments, (deployment) => [keyOf(deployment)]);
  controller.watch(watched.services, keysOfOwned);
  controller.watch(watched.budgets, keysOfOwned);
  controller.watch(watched.policies, keysOfOwned);
  return controller;

  async function bring<T extends KubeObject>(
    deployment: ModelDeployment,
    type: ResourceType<T>,
    store: Store<T>,
    intent: Intent<T> | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const [current] = store.byIndex(byOwner, deployment.metadata.uid);
    try {
      if (intent) {
        // Forced on what is ours alone: with what another made it would be a conflict.
        const options = { fieldManager, force: current !== undefined, hashAnnotation, signal };
        await applyIfChanged(client, type, current, intent, options);
      } else if (current) {
        const { uid } = current.metadata;
        await client.delete(type, current.metadata, { uid, signal });
      }
    } catch (error) {
      if (isNotFound(error)) return;
      const isTaken = !current && error instanceof KubeApiError && error.status === 409;
      if (!isTaken && !isRefusal(error)) throw error;
      const why = isTaken ? 'there is one of this name that Fairlead did not make' : words(error);
      const note = `The ${type.kind} ${deployment.metadata.name} cannot be written: ${why}`;
      const reason: EventReason = 'ObjectRefused';
      events.record(deployment, {
        type: 'Warning',
        reason,
        action: 'Apply',
        note,
      });
    }
  }
}
