import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { routerSelector } from '../../crds/labels.ts';
import { type ModelDeployment, ModelDeployments } from '../../crds/modeldeployment.ts';
import { createClient, type KubeClient } from '../../kube/client.ts';
import type { KubeObject } from '../../kube/object.ts';
import { type Pod, Pods, served } from '../../kube/resources.ts';
import { startControlPlane } from '../../test/kube/control-plane.ts';
import { waitUntil } from '../../test/support/wait-until.ts';
import { type ApiProxy, startApiProxy } from './api-proxy.ts';

/** A real API server, operator and router, each a process; pods that only their status makes run. */
export interface Plane {
  readonly client: KubeClient;
  /** The operator's way to the API server. */
  readonly proxy: ApiProxy;
  /** Of the API server itself. */
  readonly kubeconfigPath: string;
  /** Base URL of the router, without a path. */
  readonly routerUrl: string;
  /** The sum of a metric's series of the router that have this text in their labels. */
  routerMetric(name: string, labels?: string): Promise<number>;
  /** Makes a ModelDeployment of an engine at this port of the loopback. */
  apply(name: string, enginePort: number, spec: object): Promise<void>;
  /** Makes a pod of no ModelDeployment. */
  createPod(name: string): Promise<Pod>;
  /** The pods of a ModelDeployment, once there are so many. */
  pods(name: string, count: number): Promise<Pod[]>;
  /** Deletes a ModelDeployment, and its pods, which nobody else collects here. */
  remove(name: string): Promise<void>;
  /** Reports a pod's state, as its kubelet would. */
  report(pod: Pod, state: 'running' | 'ready'): Promise<void>;
  stop(): Promise<void>;
}

const root = join(import.meta.dirname, '../..');
const fieldManager = 'bench';
const namespace = 'default';

/** Starts all of it and waits until the operator leads and the router is ready. */
export async function startPlane(): Promise<Plane> {
  const plane = await startControlPlane();
  const client = createClient(plane.config);
  const proxy = await startApiProxy(plane.kubeconfigPath);
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-elasticity-'));
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, kubeconfigOf(proxy.url));
  await installCrds(client);

  const [port, internalPort] = [await freePort(), await freePort()];
  const common = { FAIRLEAD_NAMESPACE: namespace, FAIRLEAD_LOG_LEVEL: 'warn' };
  const router = start(['--max-semi-space-size=8', 'router/main.ts'], {
    ...common,
    KUBECONFIG: plane.kubeconfigPath,
    FAIRLEAD_HOST: '127.0.0.1',
    FAIRLEAD_PORT: String(port),
    FAIRLEAD_INTERNAL_PORT: String(internalPort),
    FAIRLEAD_POD_NAME: 'router-0',
    FAIRLEAD_ACCESS_LOG: 'false',
    FAIRLEAD_LAME_DUCK_MS: '0',
  });
  await untilReady(`http://127.0.0.1:${internalPort}/readyz`);
  await putRouterPod(client, internalPort);
  const operatorPort = await freePort();
  const operator = start(['--max-semi-space-size=4', 'operator/main.ts'], {
    ...common,
    KUBECONFIG: kubeconfig,
    FAIRLEAD_POD_NAME: 'operator-0',
    FAIRLEAD_ROUTER_URL: 'http://router.invalid/v1',
    FAIRLEAD_LOADER_IMAGE: 'fairlead:1',
    FAIRLEAD_HOST_PATHS: '/models',
    FAIRLEAD_PORT: String(operatorPort),
  });
  await untilReady(`http://127.0.0.1:${operatorPort}/readyz`);

  return {
    client,
    proxy,
    kubeconfigPath: plane.kubeconfigPath,
    routerUrl: `http://127.0.0.1:${port}`,
    async routerMetric(name, labels = '') {
      const text = await (await fetch(`http://127.0.0.1:${internalPort}/metrics`)).text();
      const series = text
        .split('\n')
        .filter((line) => line.startsWith(name) && line.includes(labels));
      return series.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    },
    async apply(name, enginePort, spec) {
      await client.apply<ModelDeployment>(
        ModelDeployments,
        {
          metadata: { name, namespace },
          spec: {
            source: { uri: 'hostpath:///models/none' },
            engine: { type: 'Custom', image: 'none:1', port: enginePort },
            ...spec,
          } as ModelDeployment['spec'],
        },
        { fieldManager },
      );
    },
    createPod: (name) =>
      client.create<Pod>(Pods, {
        metadata: { name, namespace },
        spec: { containers: [{ name: 'none', image: 'none:1' }] } as Pod['spec'],
      }),
    pods: (name, count) =>
      waitUntil(`${count} pods of ${name}`, async () => {
        const labelSelector = `fairlead.dev/model-deployment=${name}`;
        const { items } = await client.list(Pods, { namespace, labelSelector });
        return items.length === count ? items : undefined;
      }),
    async remove(name) {
      await client.delete(ModelDeployments, { namespace, name });
      const labelSelector = `fairlead.dev/model-deployment=${name}`;
      const { items } = await client.list(Pods, { namespace, labelSelector });
      await Promise.all(items.map(({ metadata }) => client.delete(Pods, metadata)));
    },
    async report({ metadata: { name } }, state) {
      await reportStatus(client, name, state === 'ready');
    },
    async stop() {
      await Promise.all([router, operator].map(end));
      proxy.close();
      await client.close();
      await plane.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

async function installCrds(client: KubeClient): Promise<void> {
  const folder = join(root, 'charts/fairlead/crds');
  const type = served<KubeObject>('apiextensions.k8s.io/v1', 'CustomResourceDefinition', {
    namespaced: false,
  });
  for (const file of readdirSync(folder)) {
    const crd = parse(readFileSync(join(folder, file), 'utf8'));
    await client.apply(type, crd, { fieldManager });
  }
  await waitUntil('the CRDs are served', async () => {
    await client.list(ModelDeployments);
    return true;
  });
}

/** By it the operator finds the router's demand stream. */
async function putRouterPod(client: KubeClient, internalPort: number): Promise<void> {
  const labels = Object.fromEntries(routerSelector.split(',').map((pair) => pair.split('=')));
  const ports = [{ name: 'metrics', containerPort: internalPort }];
  const spec = { containers: [{ name: 'router', image: 'none:1', ports }] } as Pod['spec'];
  await client.create<Pod>(Pods, { metadata: { name: 'router-0', namespace, labels }, spec });
  await reportStatus(client, 'router-0', true);
}

async function reportStatus(client: KubeClient, name: string, ready: boolean): Promise<void> {
  const at = `${new Date().toISOString().slice(0, 19)}Z`;
  const condition = (type: string, status: boolean) => ({
    type,
    status: status ? 'True' : 'False',
    lastTransitionTime: at,
  });
  const conditions = [
    condition('PodScheduled', true),
    condition('Initialized', true),
    condition('ContainersReady', ready),
    condition('Ready', ready),
  ];
  const address = { podIP: '127.0.0.1', podIPs: [{ ip: '127.0.0.1' }] };
  const status = { phase: 'Running', startTime: at, ...address, conditions };
  const options = { patchType: 'merge', subresource: 'status' } as const;
  await client.patch(Pods, { namespace, name }, { status }, options);
}

/** Starts a program. @param command what the chart gives to node */
function start(command: readonly string[], variables: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, command, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { PATH: process.env.PATH, ...variables },
  });
  process.on('exit', () => child.kill('SIGKILL'));
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}

async function untilReady(url: string): Promise<void> {
  await waitUntil(url, async () => ((await fetch(url)).ok ? true : undefined));
}

function kubeconfigOf(server: string): string {
  const named = (kind: string, value: object) => [{ name: 'bench', [kind]: value }];
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'bench',
    clusters: named('cluster', { server }),
    users: named('user', {}),
    contexts: named('context', { cluster: 'bench', user: 'bench', namespace }),
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}
