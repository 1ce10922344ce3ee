import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { type ModelDeployment, ModelDeployments } from '../../crds/modeldeployment.ts';
import { type Cluster, clusterDown, clusterUp, loadImages } from '../../hack/cluster/cluster.ts';
import { installFairlead } from '../../hack/demo/install.ts';
import { buildImages } from '../../hack/images/build.ts';
import { createClient, type KubeClient } from '../../kube/client.ts';
import { loadKubeConfig } from '../../kube/config.ts';
import type { KubeObject } from '../../kube/object.ts';
import { type Pod, Pods, type Service, Services, served } from '../../kube/resources.ts';
import { skiff } from '../../test/support/models.ts';
import { waitUntil } from '../../test/support/wait-until.ts';

/** Milliseconds, one value a round. */
export interface ColdStarts {
  /** From the apply until the first answer. */
  applyMs: Record<'fairlead' | 'byHand', number[]>;
  /** Fairlead: from a request for a model at zero until its answer. By hand: from the scale-up on. */
  zeroMs: Record<'fairlead' | 'byHand', number[]>;
}

/** A Deployment, as far as it is written here. */
interface Deployment extends KubeObject {
  spec: { replicas: number; selector: object; template: object };
}
const Deployments = served<Deployment>('apps/v1', 'Deployment');

const rounds = 5;
const cluster = { name: 'bench-elasticity' };
const namespace = 'default';
const unaccelerated = { accelerator: undefined };
const autoscaling = { minReplicas: 0, maxReplicas: 1, idleTimeout: '3s' };

/**
 * Asks until it is answered; prints one line when it begins to ask and one with the time of the answer. In a
 * pod of the cluster, where the routers' Service and a hand-made one are as near as each other.
 */
const asker = `
const [url, model] = process.argv.slice(1);
const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'Hi' }], max_tokens: 1 });
const headers = { 'content-type': 'application/json' };
const pause = () => new Promise((resolve) => setTimeout(resolve, 5));
console.log(Date.now());
for (;;) {
  const answer = await fetch(url + '/v1/chat/completions', { method: 'POST', headers, body })
    .catch(() => undefined);
  if (answer?.status === 200) { await answer.arrayBuffer(); break; }
  await pause();
}
console.log(Date.now());
process.exit(0);
`;

/** Measures on two real nodes that have the images, Fairlead and the hand-made Deployment in turn. */
export async function measureColdStarts(say: (line: string) => void): Promise<ColdStarts> {
  await clusterDown(cluster);
  const [up, images] = await Promise.all([
    clusterUp(cluster),
    buildImages({ names: ['fairlead', 'llama-server', 'skiff'], log: say }),
  ]);
  try {
    await loadImages(
      cluster,
      images.map(({ archivePath }) => archivePath),
    );
    await installFairlead({ cluster: up, images });
    const client = createClient(await loadKubeConfig({ kubeconfigPath: up.kubeconfigPath }));
    const image = images.find(({ shortName }) => shortName === 'fairlead')?.name;
    await startClientPod(client, image);
    const bench = { cluster: up, client, template: await templateByHand(client) };
    const measured: ColdStarts = {
      applyMs: { fairlead: [], byHand: [] },
      zeroMs: { fairlead: [], byHand: [] },
    };
    for (let round = 0; round < rounds; round++) {
      say(`round ${round + 1} of ${rounds}`);
      const fairlead = await byFairlead(bench, `fairlead-${round}`);
      const byHand = await byDeployment(bench, `by-hand-${round}`);
      measured.applyMs.fairlead.push(fairlead.applyMs);
      measured.zeroMs.fairlead.push(fairlead.zeroMs);
      measured.applyMs.byHand.push(byHand.applyMs);
      measured.zeroMs.byHand.push(byHand.zeroMs);
    }
    await client.close();
    return measured;
  } finally {
    await clusterDown(cluster);
  }
}

interface Bench {
  cluster: Cluster;
  client: KubeClient;
  template: Pod['spec'];
}

interface Round {
  applyMs: number;
  zeroMs: number;
}

async function byFairlead({ cluster: up, client }: Bench, name: string): Promise<Round> {
  const router = 'http://fairlead-router.fairlead.svc';
  const first = await startAsking(up, router, name);
  const appliedAtMs = Date.now();
  const { spec } = skiff(name, unaccelerated) as Pick<ModelDeployment, 'spec'>;
  await client.create<ModelDeployment>(ModelDeployments, { metadata: { name, namespace }, spec });
  const applyMs = (await first.answeredAtMs) - appliedAtMs;
  const elastic = { spec: { autoscaling } };
  const ref = { namespace, name };
  await client.patch(ModelDeployments, ref, elastic, { patchType: 'merge' });
  await untilGone(client, `fairlead.dev/model-deployment=${name}`);
  const second = await startAsking(up, router, name);
  const zeroMs = (await second.answeredAtMs) - second.begunAtMs;
  await client.delete(ModelDeployments, ref);
  await untilGone(client, `fairlead.dev/model-deployment=${name}`);
  return { applyMs, zeroMs };
}

async function byDeployment(bench: Bench, name: string): Promise<Round> {
  const { cluster: up, client, template } = bench;
  const labels = { app: name };
  const service = `http://${name}.${namespace}.svc:8080`;
  const first = await startAsking(up, service, name);
  const appliedAtMs = Date.now();
  await client.create<Service>(Services, {
    metadata: { name, namespace },
    spec: { selector: labels, ports: [{ port: 8080 }] },
  });
  await client.create<Deployment>(Deployments, {
    metadata: { name, namespace },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: template },
    },
  });
  const applyMs = (await first.answeredAtMs) - appliedAtMs;
  const ref = { namespace, name };
  const scale = (replicas: number) =>
    client.patch(Deployments, ref, { spec: { replicas } }, { patchType: 'merge' });
  await scale(0);
  await untilGone(client, `app=${name}`);
  const second = await startAsking(up, service, name);
  const scaledAtMs = Date.now();
  await scale(1);
  const zeroMs = (await second.answeredAtMs) - scaledAtMs;
  await client.delete(Deployments, ref, { propagationPolicy: 'Background' });
  await client.delete(Services, ref);
  await untilGone(client, `app=${name}`);
  return { applyMs, zeroMs };
}

/** The pod of a hand-made Deployment: the same container as Fairlead's, with a readiness probe each second. */
async function templateByHand(client: KubeClient): Promise<Pod['spec']> {
  const name = 'pattern';
  const { spec } = skiff(name, unaccelerated) as Pick<ModelDeployment, 'spec'>;
  await client.create<ModelDeployment>(ModelDeployments, { metadata: { name, namespace }, spec });
  const labelSelector = `fairlead.dev/model-deployment=${name}`;
  const pod = await waitUntil('a pod to take after', async () => {
    const { items } = await client.list(Pods, { namespace, labelSelector });
    return items[0];
  });
  await client.delete(ModelDeployments, { namespace, name });
  await untilGone(client, labelSelector);
  const { volumes, securityContext, containers } = pod.spec;
  const [engine] = containers;
  if (!engine) throw new Error('unreachable: a pod has a container');
  const { startupProbe: _, livenessProbe: _liveness, lifecycle: _lifecycle, ...container } = engine;
  const readinessProbe = { httpGet: { path: '/health', port: 'http' }, periodSeconds: 1 };
  return {
    containers: [{ ...container, readinessProbe }],
    ...(volumes && { volumes }),
    ...(securityContext && { securityContext }),
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 1,
  };
}

async function startClientPod(client: KubeClient, image: string | undefined): Promise<void> {
  const command = ['node', '--eval', 'setInterval(() => {}, 1e9)'];
  await client.create<Pod>(Pods, {
    metadata: { name: 'client', namespace },
    spec: { containers: [{ name: 'client', ...(image && { image }), command }] },
  });
  await waitUntil('the client’s pod runs', async () => {
    const { status } = await client.get(Pods, { namespace, name: 'client' });
    return status?.phase === 'Running' ? true : undefined;
  });
}

/** Begins to ask; both times are of this machine's clock, which its pods have too. */
async function startAsking({ kubectlPath, kubeconfigPath }: Cluster, url: string, model: string) {
  const exec = ['--kubeconfig', kubeconfigPath, 'exec', 'client', '--namespace', namespace, '--'];
  const script = ['node', '--input-type=module', '--eval', asker, '--', url, model];
  const child = spawn(kubectlPath, [...exec, ...script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => Number((await lines.next()).value);
  const begunAtMs = await next();
  return { begunAtMs, answeredAtMs: next() };
}

async function untilGone(client: KubeClient, labelSelector: string): Promise<void> {
  await waitUntil(
    `no pod of ${labelSelector}`,
    async () =>
      (await client.list(Pods, { namespace, labelSelector })).items.length === 0 ? true : undefined,
    120_000,
  );
}
