import type { TestProject } from 'vitest/node';
import { clusterDown, clusterUp, loadImages } from '../../hack/cluster/cluster.ts';
import { installFairlead } from '../../hack/demo/install.ts';
import { buildImages } from '../../hack/images/build.ts';
import type { ClusterAccess } from '../support/kubectl.ts';

declare module 'vitest' {
  interface ProvidedContext {
    clusterAccess: ClusterAccess;
  }
}

/** Another name for runs beside each other. */
export const clusterName = process.env.FAIRLEAD_E2E_CLUSTER ?? 'e2e';
const name = clusterName;

/** A cluster of its own with the chart on it, for all end-to-end tests; removed after them. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  await clusterDown({ name });
  const [cluster, images] = await Promise.all([
    clusterUp({ name }),
    buildImages({
      names: ['fairlead', 'llama-server', 'skiff'],
      log: (line) => console.error(line),
    }),
  ]);
  await loadImages(
    { name },
    images.map(({ archivePath }) => archivePath),
  );
  // Keys are on by default and asked for once there is one; ExternalModels need their namespace named.
  const values = {
    externalModels: { namespaces: ['fairlead'] },
    // Of a claim that nothing binds.
    weights: { cacheClasses: { unbound: { size: '1Gi', storageClassName: '' } } },
    monitoring: { dashboards: { enabled: true } },
  };
  await installFairlead({ cluster, images, values });
  const { kubectlPath, kubeconfigPath, logsDir } = cluster;
  project.provide('clusterAccess', { kubectlPath, kubeconfigPath, logsDir });
  return () => clusterDown({ name });
}
