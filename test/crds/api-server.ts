import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll } from 'vitest';
import { clusterDown, clusterUp } from '../../hack/cluster/cluster.ts';
import { createClient, type KubeClient } from '../../kube/client.ts';
import { loadKubeConfig } from '../../kube/config.ts';
import { KubeApiError } from '../../kube/errors.ts';
import { createKubectl, type Kubectl } from '../support/kubectl.ts';
import { waitUntil } from '../support/wait-until.ts';

const crds = fileURLToPath(new URL('../../charts/fairlead/crds/', import.meta.url));

/** A real API server with the CRDs on it and no nodes, as long as a test file runs. */
export interface ApiServer {
  client(): KubeClient;
  kubectl(): Kubectl;
}

/** @param name its cluster's; files run side by side, so each has its own */
export function useApiServer(name: string): ApiServer {
  let client: KubeClient;
  let kubectl: Kubectl;
  beforeAll(async () => {
    await clusterDown({ name });
    const { kubeconfigPath, kubectlPath } = await clusterUp({ name, nodes: 0 });
    client = createClient(await loadKubeConfig({ kubeconfigPath }));
    kubectl = createKubectl({ kubectlPath, kubeconfigPath, logsDir: '' }, 'default');
    await kubectl.run(['apply', '-f', crds]);
    // A CRD so new that it has no conditions yet is an error to kubectl.
    await waitUntil('the CRDs are established', () =>
      kubectl.run(['wait', 'crd', '--all', '--for=condition=Established', '--timeout=30s']),
    );
  });
  afterAll(async () => {
    await client?.close();
    await clusterDown({ name });
  });
  return { client: () => client, kubectl: () => kubectl };
}

/** What the API server says to an object that it must refuse: one `field: message` a cause. */
export async function refusalOf(written: Promise<unknown>): Promise<string[]> {
  try {
    await written;
  } catch (error) {
    if (!(error instanceof KubeApiError) || error.status !== 422) throw error;
    return error.causes.map(({ field, message }) => `${field}: ${message}`);
  }
  return ['(accepted)'];
}
