import { isDeepStrictEqual } from 'node:util';
import { readCredentials } from '../../crds/external-secrets.ts';
import { type ExternalModel, ExternalModels } from '../../crds/externalmodel.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { ReconcileContext } from '../../kube/controller.ts';
import { isNotFound, unless } from '../../kube/errors.ts';
import type { Secret } from '../../kube/resources.ts';
import type { Store } from '../../kube/store.ts';
import { type ClaimantStores, conflictOf } from '../names/rivals.ts';
import { statusOf } from './status.ts';

/** What a reconcile works with. */
export interface ReconcilerOptions {
  /** Fenced: writes fail once this process does not lead. */
  client: KubeClient;
  externalModels: Store<ExternalModel>;
  /** These and the ModelDeployments: whoever may have a name. */
  claimants: ClaimantStores;
  /** A labelled Secret of an enabled namespace, by `namespace/name`. */
  secretOf: (key: string) => Secret | undefined;
  /** Whose ExternalModels are served. */
  externalNamespaces: readonly string[];
  /** Milliseconds since 1970. */
  nowMs: () => number;
}

/**
 * The ExternalModel controller: says whether the routers can serve it.
 * Observes: ExternalModels, ModelDeployments (for their names), labelled Secrets of enabled namespaces.
 * Writes: the status of ExternalModels.
 * Never writes: anything else; the routers read the objects themselves.
 */
export function createReconciler(options: ReconcilerOptions) {
  const { client, externalModels, claimants, secretOf, externalNamespaces, nowMs } = options;

  return async function reconcile(key: string, { signal }: ReconcileContext): Promise<void> {
    const object = externalModels.get(key);
    if (!object || object.metadata.deletionTimestamp) return;
    const { name, namespace = '', uid } = object.metadata;
    const status = statusOf({
      object,
      isEnabled: externalNamespaces.includes(namespace),
      conflict: conflictOf(claimants, object),
      credentials: readCredentials(object, (secret) => secretOf(`${namespace}/${secret}`)),
      nowMs: nowMs(),
    });
    if (isDeepStrictEqual(object.status, status)) return;
    const write = client.apply(
      ExternalModels,
      { metadata: { name, namespace, uid }, status },
      { fieldManager: 'fairlead-operator', force: true, subresource: 'status', signal },
    );
    await unless(isNotFound, write);
  };
}
