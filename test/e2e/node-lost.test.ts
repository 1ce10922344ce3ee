import OpenAI from 'openai';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { clusterFaults, type Faults } from '../../hack/cluster/local/faults.ts';
import { type ModelDeploymentObject, type PodObject, skiff } from '../support/models.ts';
import { waitUntil } from '../support/wait-until.ts';
import { systemNamespace, useContext } from './context.ts';
import { type PortForward, portForward } from './port-forward.ts';
import { clusterName } from './setup.ts';
import { askOnce, startTraffic } from './traffic.ts';

const context = useContext('e2e-node-lost');
const { kubectl } = context;
const model = 'lost';
let faults: Faults;
/** One without the operator, which Kubernetes would bring back only after minutes. */
let lost: string;
let forward: PortForward;

beforeAll(async () => {
  faults = await clusterFaults(clusterName);
  const [operator] = await systemPods('operator');
  lost = faults.nodeNames.find((node) => node !== operator?.spec.nodeName) ?? '';
  const labelSelector = { matchLabels: { 'fairlead.dev/model-deployment': model } };
  const podAffinityTerm = { topologyKey: 'kubernetes.io/hostname', labelSelector };
  const podTemplate = {
    spec: {
      // One on each node, and both on one when there is no other.
      affinity: {
        podAntiAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm }],
        },
      },
      // The default of five minutes is how long Kubernetes waits for a node to come back.
      tolerations: ['not-ready', 'unreachable'].map((state) => ({
        key: `node.kubernetes.io/${state}`,
        ...{ operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 1 },
      })),
    },
  };
  const spec = {
    ...{ replicas: 2, podTemplate, accelerator: undefined },
    // Answers take a while, and every second request is another replica's.
    resources: { requests: { cpu: '50m' }, limits: { cpu: '200m' } },
    routing: { policy: 'RoundRobin' },
  };
  await kubectl.apply(skiff(model, spec));
  await kubectl.waitFor(`mdep/${model}`, 'condition=Ready');
  // Nobody can be reached through a lost node.
  const router = (await systemPods('router')).find(({ spec: of }) => of.nodeName !== lost);
  const access = inject('clusterAccess');
  forward = await portForward(access, systemNamespace, `pod/${router?.metadata.name}`, 8080);
});
afterAll(async () => {
  await forward?.stop();
  await faults?.start('kubelet', lost);
  await kubectl.waitFor(`node/${lost}`, 'condition=Ready', 120_000);
  const routers = ['deployment/fairlead-router', '-n', systemNamespace, '--timeout=120s'];
  await kubectl.run(['rollout', 'status', ...routers]);
});

async function systemPods(component: string): Promise<PodObject[]> {
  const selector = ['-n', systemNamespace, '-l', `app.kubernetes.io/component=${component}`];
  return (await kubectl.getJson<{ items: PodObject[] }>('pods', ...selector)).items;
}

const pods = async () => (await kubectl.getJson<{ items: PodObject[] }>('pods')).items;
const object = () => kubectl.getJson<ModelDeploymentObject>('mdep', model);

test('with a node only the streams on it are cut, with an error event; its replica is made anew', async () => {
  const victim = (await pods()).find(({ spec }) => spec.nodeName === lost);
  expect(victim).toBeDefined();
  const routers = await systemPods('router');
  const killed = [victim!, ...routers.filter(({ spec }) => spec.nodeName === lost)];
  const pids = killed.flatMap(({ metadata }) => faults.podPids(metadata.uid));
  const openai = new OpenAI({ baseURL: `${forward.origin}/v1`, apiKey: 'none', maxRetries: 0 });

  // Two on each replica, open when the node goes.
  const open: Promise<string>[] = [];
  for (let count = 0; count < 4; count++) {
    await new Promise<void>((resolve) => {
      const asked = askOnce(openai, { model, tokens: 1_500 }, resolve);
      open.push(asked.finally(resolve));
    });
  }
  await faults.kill('kubelet', lost);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  const traffic = startTraffic(openai, { model, clients: 3, tokens: 100 });

  const outcomes = (await Promise.all(open)).map((outcome) => outcome.split(':')[0]);
  expect(outcomes.sort()).toEqual(['stream_truncated', 'stream_truncated', 'whole', 'whole']);
  await waitUntil(
    'a successor serves on another node',
    async () => {
      const others = (await pods()).filter(({ spec }) => spec.nodeName && spec.nodeName !== lost);
      const serving = others.filter(({ status }) => status.containerStatuses?.[0]?.ready);
      return serving.length === 2 ? true : undefined;
    },
    240_000,
  );
  await kubectl.waitFor(`mdep/${model}`, 'condition=Ready');
  await traffic.stop();
  expect(traffic.log.filter(({ outcome }) => outcome !== 'whole')).toEqual([]);
  expect(traffic.log.length).toBeGreaterThan(3);

  // Nobody on the lost node can say that the first one has ended.
  const before = (await pods()).find(({ metadata }) => metadata.uid === victim!.metadata.uid);
  expect(before?.metadata.deletionTimestamp).toBeDefined();
  expect((await object()).status).toMatchObject({ replicas: 2, readyReplicas: 2 });
  const events = await waitUntil('the Event tells of the node', async () => {
    const text = await kubectl.run(['describe', 'mdep', model]);
    return text.includes(`its node ${lost} does not answer`) ? text : undefined;
  });
  expect(events).toMatch(/Warning\s+NotReady/);

  await faults.start('kubelet', lost);
  await waitUntil(
    'the first one is gone with the kubelet back',
    async () => ((await pods()).length === 2 ? true : undefined),
    120_000,
  );
  const uids = (await pods()).map(({ metadata }) => metadata.uid);
  expect(uids).not.toContain(victim!.metadata.uid);
}, 600_000);
