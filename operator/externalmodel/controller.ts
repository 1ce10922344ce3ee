import { type ExternalModel, ExternalModels } from '../../crds/externalmodel.ts';
import { externalModelKind, secretKindLabel } from '../../crds/labels.ts';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import { servedNamesOf } from '../../crds/names.ts';
import type { KubeClient } from '../../kube/client.ts';
import { type Controller, createController } from '../../kube/controller.ts';
import type { Logger } from '../../kube/logger.ts';
import type { KubeMetrics } from '../../kube/metrics.ts';
import { keyOf } from '../../kube/object.ts';
import { createReflector, type Reflector } from '../../kube/reflector.ts';
import { type Secret, Secrets } from '../../kube/resources.ts';
import type { OperatorConfig } from '../config.ts';
import { byServedName, keysOfRivals } from '../names/rivals.ts';
import { createReconciler } from './reconcile.ts';

/** ExternalModels by `namespace/name` of each Secret they name. */
const bySecret = 'secret';

/** What the controller watches. */
export interface ExternalWatched {
  /** All of them; those of namespaces that are not enabled claim no name. */
  externalModels: Reflector<ExternalModel>;
  /** Of each enabled namespace, the labelled ones. */
  secrets: readonly Reflector<Secret>[];
}

interface Common {
  client: KubeClient;
  metrics: KubeMetrics;
  log: Logger;
}

type Settings = Pick<OperatorConfig, 'watchNamespace' | 'externalNamespaces'>;

/** Makes the reflectors; the caller starts and stops them. */
export function createExternalWatched(
  common: Common,
  { watchNamespace, externalNamespaces }: Settings,
): ExternalWatched {
  const isEnabled = ({ metadata }: ExternalModel) =>
    externalNamespaces.includes(metadata.namespace ?? '');
  return {
    externalModels: createReflector<ExternalModel>({
      ...common,
      type: ExternalModels,
      namespace: watchNamespace,
      indexes: {
        [byServedName]: (object) => (isEnabled(object) ? servedNamesOf(object) : []),
        [bySecret]: (object) => secretKeysOf(object),
      },
    }),
    secrets: externalNamespaces.map((namespace) =>
      createReflector<Secret>({
        ...common,
        type: Secrets,
        namespace,
        labelSelector: `${secretKindLabel}=${externalModelKind}`,
      }),
    ),
  };
}

/** Makes the controller over what is watched. Its client must be fenced. */
export function createExternalModelController(
  { client, metrics, log }: Common,
  { externalModels, secrets }: ExternalWatched,
  modelDeployments: Reflector<ModelDeployment>,
  { externalNamespaces }: Settings,
): Controller {
  const { store } = externalModels;
  const claimants = [store, modelDeployments.store];
  const controller = createController({
    name: 'externalmodel',
    reconcile: createReconciler({
      client,
      externalModels: store,
      claimants,
      secretOf: (key) => secrets.map((reflector) => reflector.store.get(key)).find(Boolean),
      externalNamespaces,
      nowMs: () => Date.now(),
    }),
    metrics,
    log,
  });
  controller.watch(externalModels, (object) => [
    keyOf(object),
    ...keysOfRivals(store, claimants, object),
  ]);
  controller.watch(modelDeployments, (deployment) => keysOfRivals(store, claimants, deployment));
  for (const reflector of secrets) {
    controller.watch(reflector, (secret) => store.byIndex(bySecret, keyOf(secret)).map(keyOf));
  }
  return controller;
}

function secretKeysOf({ metadata, spec }: ExternalModel): string[] {
  const names = [spec.secretName, spec.tls?.caSecretName];
  return names.flatMap((name) => (name === undefined ? [] : `${metadata.namespace}/${name}`));
}
