import { createClient } from '../../kube/client.ts';
import { KubeApiError } from '../../kube/errors.ts';
import { createReflector } from '../../kube/reflector.ts';
import { ConfigMaps } from '../../kube/resources.ts';
import type { Calls, Mirror } from './clients.ts';
import type { Access } from './workers.ts';

export function callsOf(access: Access): Calls {
  const client = ownClient(access);
  return {
    get: (namespace, name) => client.get(ConfigMaps, { namespace, name }),
    list: (namespace) => client.list(ConfigMaps, { namespace }),
    patch: (namespace, name, data) =>
      client.patch(ConfigMaps, { namespace, name }, { data }, { patchType: 'merge' }),
  };
}

function ownClient({ server, token, ca }: Access) {
  const headers = { authorization: `Bearer ${token}` };
  return createClient({ server, namespace: 'default', credentials: async () => ({ headers, ca }) });
}

export function mirrorOf(access: Access, namespace: string): Mirror {
  const client = ownClient(access);
  let gone = Promise.withResolvers<never>();
  let listStartMs = 0;
  let listed = Promise.withResolvers<number>();
  const reflector = createReflector({
    client: {
      ...client,
      list(type, options) {
        listStartMs = performance.now();
        return client.list(type, options);
      },
      watch(type, options, onEvent) {
        listed.resolve(performance.now() - listStartMs);
        return Promise.race([client.watch(type, options, onEvent), gone.promise]);
      },
    },
    type: ConfigMaps,
    namespace,
  });
  return {
    async start() {
      reflector.start();
      await reflector.synced();
    },
    async relist() {
      const before = gone;
      listed = Promise.withResolvers();
      gone = Promise.withResolvers();
      before.reject(new KubeApiError('WATCH', 410, { code: 410, reason: 'Expired' }));
      return listed.promise;
    },
    onUpdate: (handler) =>
      void reflector.addHandler((before, after) => {
        if (before && after) handler(after.data ?? {});
      }),
    size: () => reflector.store.size,
  };
}
