import {
  CoreV1Api,
  KubeConfig,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
} from '@kubernetes/client-node';
import type { Calls, Mirror } from './clients.ts';
import type { Access } from './workers.ts';

export function callsOf(access: Access): Calls {
  const api = kubeConfig(access).makeApiClient(CoreV1Api);
  const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
  return {
    get: (namespace, name) => api.readNamespacedConfigMap({ namespace, name }),
    list: (namespace) => api.listNamespacedConfigMap({ namespace }),
    patch: (namespace, name, data) =>
      api.patchNamespacedConfigMap({ namespace, name, body: { data } }, merge),
  };
}

export function mirrorOf(access: Access, namespace: string): Mirror {
  const config = kubeConfig(access);
  const api = config.makeApiClient(CoreV1Api);
  const path = `/api/v1/namespaces/${namespace}/configmaps`;
  const made = makeInformer(config, path, () => api.listNamespacedConfigMap({ namespace }));
  return {
    start: () => made.start(),
    async relist() {
      const startMs = performance.now();
      const { doneHandler } = made as unknown as { doneHandler(error: object): Promise<void> };
      await doneHandler.call(made, { statusCode: 410 });
      return performance.now() - startMs;
    },
    onUpdate: (handler) => made.on('update', ({ data }) => handler(data ?? {})),
    size: () => made.list().length,
  };
}

function kubeConfig({ kubeconfigPath }: Access): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfigPath);
  return config;
}
