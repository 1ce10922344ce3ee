import { apiKeyKind, secretKindLabel } from '../../crds/labels.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Logger } from '../../kube/logger.ts';
import type { KubeMetrics } from '../../kube/metrics.ts';
import { createReflector, type Reflector } from '../../kube/reflector.ts';
import { served } from '../../kube/resources.ts';
import type { Access } from './access.ts';
import {
  type BrokenKey,
  type Keyring,
  type KeySecret,
  keyringOf,
  readKeySecret,
} from './keyring.ts';

/** Follows the Secrets that hold keys. */
export interface KeyWatch extends Pick<Reflector<KeySecret>, 'start' | 'stop' | 'lastEventAgeMs'> {
  /** Resolves once `access` has the keys there are. */
  synced(signal?: AbortSignal): Promise<void>;
}

/**
 * Gives `access` the keys of a namespace's Secrets, and again at every change. When the API server is
 * away the last ones hold.
 * @param namespace the only one; who may write Secrets there decides who may ask for what
 */
export function watchKeys(options: {
  client: KubeClient;
  namespace: string;
  access: Pick<Access, 'replaceKeyring' | 'isOpen'>;
  log: Logger;
  metrics?: KubeMetrics | undefined;
}): KeyWatch {
  const { client, namespace, access, log, metrics } = options;
  const secrets = createReflector<KeySecret>({
    client,
    type: served<KeySecret>('v1', 'Secret'),
    namespace,
    labelSelector: `${secretKindLabel}=${apiKeyKind}`,
    transform: readKeySecret,
    log,
    metrics,
  });
  let told: readonly BrokenKey[] = [];
  let wasOpen: boolean | undefined;
  const take = () => {
    const keyring = keyringOf(secrets.store.list());
    access.replaceKeyring(keyring);
    tell(keyring);
  };
  const tell = ({ keys, broken }: Keyring) => {
    for (const { secret, problem } of broken) {
      const known = told.some((one) => one.secret === secret && one.problem === problem);
      if (!known) log.warn({ secret, problem }, 'this Secret gives no API key');
    }
    told = broken;
    if (access.isOpen === wasOpen) return;
    wasOpen = access.isOpen;
    if (wasOpen) {
      log.warn({ namespace }, 'requests need no API key: there is no Secret for one');
    } else {
      log.info({ namespace, keys: keys.size }, 'requests need an API key');
    }
  };
  let scheduled: NodeJS.Immediate | undefined;
  const changed = () => {
    if (!secrets.hasSynced()) return;
    scheduled ??= setImmediate(() => {
      scheduled = undefined;
      take();
    });
  };
  secrets.addHandler(changed);
  return {
    start: () => secrets.start(),
    async synced(signal) {
      await secrets.synced(signal);
      take();
    },
    lastEventAgeMs: () => secrets.lastEventAgeMs(),
    async stop() {
      clearImmediate(scheduled);
      await secrets.stop();
    },
  };
}
