import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { promisify } from 'node:util';
import { afterAll, beforeAll } from 'vitest';
import { type ModelDeployment, ModelDeployments } from '../../crds/modeldeployment.ts';
import { type Cluster, clusterDown, clusterUp } from '../../hack/cluster/cluster.ts';
import { createClient, type KubeClient } from '../../kube/client.ts';
import { type ClusterConfig, loadKubeConfig } from '../../kube/config.ts';
import { createKubectl, type Kubectl } from '../support/kubectl.ts';
import { waitUntil } from '../support/wait-until.ts';
import { operatorAccess } from './cluster.ts';
import { type FakeRouter, startFakeRouter } from './fake-router.ts';
import { type OperatorProcess, startOperator } from './operator-process.ts';

/** A real API server without nodes, an operator as a process with the chart's rights, and a fake router. */
export interface ScalingCluster {
  client(): KubeClient;
  kubectl(): Kubectl;
  router(): FakeRouter;
  /** Kills the operator without a word, starts another and waits until that follows the router. */
  restartOperator(): Promise<void>;
  model(name: string): Promise<ModelDeployment>;
  /** Waits until so many replicas are asked for. */
  replicas(name: string, count: number): Promise<ModelDeployment>;
  /** Waits until the condition ScalingLimited, or another, has this reason. */
  condition(name: string, reason: string, type?: string): Promise<{ message: string }>;
}

/** For one test file. */
export function useScalingCluster(name: string): ScalingCluster {
  let client: KubeClient;
  let kubectl: Kubectl;
  let router: FakeRouter;
  let operator: OperatorProcess | undefined;
  let start: () => Promise<OperatorProcess>;

  beforeAll(async () => {
    await clusterDown({ name });
    const cluster = await clusterUp({ name, nodes: 0 });
    const config = await loadKubeConfig({ kubeconfigPath: cluster.kubeconfigPath });
    client = createClient(config);
    kubectl = createKubectl(cluster, 'default');
    await kubectl.run(['apply', '-f', 'charts/fairlead/crds/']);
    await waitUntil('the CRDs are established', () =>
      kubectl.run(['wait', 'crd', '--all', '--for=condition=Established', '--timeout=30s']),
    );
    router = await startFakeRouter(client, 'router');
    const kubeconfigPath = await operatorAccess(cluster, kubectl);
    const tls = await serveMetricsFromHere(cluster, kubectl, config);
    start = () =>
      startOperator(kubeconfigPath, {
        ...tls,
        FAIRLEAD_KEDA_PORT: '0',
      });
    operator = await start();
  });
  afterAll(async () => {
    await operator?.stop();
    await router?.close();
    await client?.close();
    await clusterDown({ name });
  });

  const model = (of: string) => client.get(ModelDeployments, { namespace: 'default', name: of });
  return {
    client: () => client,
    kubectl: () => kubectl,
    router: () => router,
    async restartOperator() {
      await operator?.kill();
      await waitUntil('nobody follows', () => (router.followers() === 0 ? true : undefined));
      operator = await start();
      await waitUntil('it is followed again', () => (router.followers() > 0 ? true : undefined));
    },
    model,
    async replicas(of, count) {
      let last: number | undefined;
      try {
        return await waitUntil(`${of} is asked to have ${count} replicas`, async () => {
          const now = await model(of);
          last = now.spec.replicas;
          return last === count ? now : undefined;
        });
      } catch (error) {
        throw new Error(`${of} has ${last}`, { cause: error });
      }
    },
    condition: (of, reason, type = 'ScalingLimited') =>
      waitUntil(`${of}: ${type} ${reason}`, async () => {
        const { status } = await model(of);
        return status?.conditions.find((one) => one.type === type && one.reason === reason);
      }),
  };
}

/** Installs the chart's part for external metrics, with the test's machine in place of the operator's pods. */
async function serveMetricsFromHere(
  cluster: Cluster,
  kubectl: Kubectl,
  { server }: ClusterConfig,
): Promise<Record<string, string>> {
  const { stdout } = await promisify(execFile)(cluster.helmPath, [
    ...['template', 'fairlead', 'charts/fairlead', '--namespace=default'],
    '--show-only=templates/scalers.yaml',
    '--set=image.repository=unused,externalMetrics.enabled=true',
  ]);
  // Its objects are in several namespaces, which kubectl refuses when it is told of one.
  await createKubectl(cluster, '').run(['apply', '-f', '-'], stdout);
  const port = await freePort();
  const name = 'fairlead-external-metrics';
  await kubectl.apply({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-here`, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [addressTowards(server)], conditions: { ready: true } }],
    ports: [{ name: 'https', port }],
  });
  const { data } = await kubectl.getJson<{ data: Record<string, string> }>('secret', name);
  const file = async (of: string) => {
    // Goes with the cluster.
    const path = `${cluster.kubeconfigPath}-${of}`;
    await writeFile(path, Buffer.from(data[of] ?? '', 'base64'));
    return path;
  };
  return {
    FAIRLEAD_EXTERNAL_METRICS_CERT: await file('tls.crt'),
    FAIRLEAD_EXTERNAL_METRICS_KEY: await file('tls.key'),
    FAIRLEAD_EXTERNAL_METRICS_PORT: `${port}`,
  };
}

/** This machine's address on the link to the cluster: the neighbour of the API server's. */
function addressTowards(server: string): string {
  const link = new URL(server).hostname.split('.').slice(0, 3).join('.');
  const last = Number(new URL(server).hostname.split('.')[3]);
  const mine = Object.values(networkInterfaces())
    .flatMap((one) => one ?? [])
    .find(({ address }) => address.startsWith(`${link}.`) && address.endsWith(`.${last - 1}`));
  if (!mine) throw new Error(`there is no link to ${server}`);
  return mine.address;
}

/** One that the next operators can have, too. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
