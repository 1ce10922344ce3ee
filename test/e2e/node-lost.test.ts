import OpenAI from 'openai';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { clusterFaults, type Faults } from '../../hack/cluster/local/faults.ts';
import { type ModelDeploymentObject, type PodObject, skiff } from '../support/models.ts';
import { waitUntil } from '../support/wait-until.ts';
import { systemNamespace, useContext } from './context.ts';
import { portForward } from './port-forward.ts';
import { clusterName } from './setup.ts';

const context = useContext('e2e-node-lost');
const { kubectl } = context;
const lost = 'node-b';
let faults: Faults;

beforeAll(async () => {
  faults = await clusterFaults(clusterName);
  const toNode = { key: 'kubernetes.io/hostname', operator: 'In', values: [lost] };
  const preference = { weight: 100, preference: { matchExpressions: [toNode] } };
  const gone = { operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 1 };
  const podTemplate = {
    spec: {
      affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [preference] } },
      // The default of five minutes is how long Kubernetes waits for a node to come back.
      tolerations: ['not-ready', 'unreachable'].map((state) => ({
        key: `node.kubernetes.io/${state}`,
        ...gone,
      })),
    },
  };
  await kubectl.apply(skiff('lost', { podTemplate }));
  await kubectl.waitFor('mdep/lost', 'condition=Ready');
});
afterAll(async () => {
  await faults?.start('kubelet', lost);
  await kubectl.waitFor(`node/${lost}`, 'condition=Ready', 120_000);
});

/** Name of a router's pod that is not on this node, for nobody can be reached through a lost one. */
async function routerBeside(node: string): Promise<string> {
  const routers = ['-n', systemNamespace, '-l', 'app.kubernetes.io/component=router'];
  const { items } = await kubectl.getJson<{ items: PodObject[] }>('pods', ...routers);
  const router = items.find(({ spec }) => spec.nodeName !== node);
  if (!router) throw new Error(`every router is on ${node}`);
  return router.metadata.name;
}

async function answerOf(router: string): Promise<string> {
  const access = inject('clusterAccess');
  const forward = await portForward(access, systemNamespace, `pod/${router}`, 8080);
  try {
    const openai = new OpenAI({ baseURL: `${forward.origin}/v1`, apiKey: 'none' });
    const messages = [{ role: 'user' as const, content: 'Who are you?' }];
    const asked = { model: 'lost', messages, temperature: 0 };
    const { choices } = await openai.chat.completions.create(asked);
    return choices[0]?.message.content ?? '';
  } finally {
    await forward.stop();
  }
}

const pods = async () => (await kubectl.getJson<{ items: PodObject[] }>('pods')).items;
const model = () => kubectl.getJson<ModelDeploymentObject>('mdep', 'lost');

test('a replica of a lost node is told of, and made anew on another one', async () => {
  const [first] = await pods();
  expect(first?.spec.nodeName).toBe(lost);
  await faults.kill('kubelet', lost);

  const successor = await waitUntil(
    'a successor serves on another node',
    async () => {
      const other = (await pods()).find(({ spec }) => spec.nodeName && spec.nodeName !== lost);
      return other?.status.containerStatuses?.[0]?.ready ? other : undefined;
    },
    240_000,
  );
  expect(successor.metadata.uid).not.toBe(first?.metadata.uid);
  await kubectl.waitFor('mdep/lost', 'condition=Ready');
  // Nobody on the lost node can say that the first one has ended.
  const before = (await pods()).find(({ metadata }) => metadata.uid === first?.metadata.uid);
  expect(before?.metadata.deletionTimestamp).toBeDefined();
  expect((await model()).status).toMatchObject({ replicas: 1, readyReplicas: 1 });
  const events = await waitUntil('the Event tells of the node', async () => {
    const text = await kubectl.run(['describe', 'mdep', 'lost']);
    return text.includes(`its node ${lost} does not answer`) ? text : undefined;
  });
  expect(events).toMatch(/Warning\s+NotReady/);

  expect(await answerOf(await routerBeside(lost))).toContain('Skiff');

  await faults.start('kubelet', lost);
  await waitUntil(
    'the first one is gone with the kubelet back',
    async () => ((await pods()).length === 1 ? true : undefined),
    120_000,
  );
  expect((await pods())[0]?.metadata.uid).toBe(successor.metadata.uid);
}, 600_000);
