import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import { createKubectl } from '../support/kubectl.ts';
import {
  acceleratorProfile,
  type ModelDeploymentObject,
  type PodObject,
} from '../support/models.ts';
import { waitUntil } from '../support/wait-until.ts';
import { systemNamespace, useContext } from './context.ts';
import { elastic, offer, podsOf, untilAtZero } from './elastic.ts';
import { killEngine } from './kill-engine.ts';
import { portForward } from './port-forward.ts';
import { useRouterMetrics } from './router-metrics.ts';
import { startTraffic } from './traffic.ts';

// Against hanging: each of them waits for things one after another.
vi.setConfig({ testTimeout: 400_000 });

const context = useContext('e2e-elasticity');
const { kubectl } = context;
const routers = useRouterMetrics();
const access = inject('clusterAccess');
const system = createKubectl(access, systemNamespace);
const patienceMs = 100_000;
const operators = 'app.kubernetes.io/component=operator';

const object = (name: string) => kubectl.getJson<ModelDeploymentObject>('mdep', name);
const ask = async (model: string): Promise<string | null | undefined> => {
  const completion = await context.openai().chat.completions.create({
    model,
    messages: [{ role: 'user', content: 'Who are you?' }],
    temperature: 0,
  });
  return completion.choices[0]?.message.content;
};
const held = (model: string) =>
  routers.sum('fairlead_queue_depth', { gen_ai_request_model: model });
const untilHeld = (model: string, count: number) =>
  waitUntil(
    `${count} requests for ${model} are held`,
    async () => ((await held(model)) === count ? true : undefined),
    patienceMs,
  );

beforeAll(async () => {
  await kubectl.apply(acceleratorProfile('elastic-absent', 'example.com/absent'));
  await kubectl.apply(acceleratorProfile('elastic-after-restart', 'example.com/after-restart'));
});
afterAll(() =>
  kubectl.run(['delete', 'acceleratorprofile', 'elastic-absent', 'elastic-after-restart']),
);

/** Deletes the operator's pod and waits until the next one leads and wants so many replicas of `wave`. */
async function restartOperator(replicas: number): Promise<void> {
  const leader = async () =>
    (
      await system.getJson<{ spec: { holderIdentity?: string } }>('lease', 'fairlead-operator')
    ).spec.holderIdentity?.split('_')[0];
  const before = (await leader()) ?? '';
  await system.run(['delete', 'pod', before, '--wait=false']);
  const after = await waitUntil('another operator leads', async () => {
    const now = await leader();
    return now && now !== before ? now : undefined;
  });
  const operator = await portForward(access, systemNamespace, `pod/${after}`, 9090);
  const wanted = `fairlead_autoscaler_desired_replicas{gen_ai_request_model="wave"} ${replicas}`;
  try {
    await waitUntil('it has decided', async () =>
      (await (await fetch(`${operator.origin}/metrics`)).text()).includes(wanted)
        ? true
        : undefined,
    );
  } finally {
    await operator.stop();
  }
}

test('0 → 1 → 4 → 0 under traffic: no request is lost, and a new operator changes nothing', async () => {
  // A fraction of a core makes an answer of seconds out of one of a moment.
  const resources = { requests: { cpu: '50m' }, limits: { cpu: '300m' } };
  await kubectl.apply(elastic('wave', { maxReplicas: 4 }, { resources }));
  await untilAtZero(kubectl, 'wave');

  expect(await ask('wave')).toContain('Skiff');
  const { lastColdStart } = await waitUntil('the cold start is told', async () => {
    const { status } = await object('wave');
    return status?.lastColdStart ? status : undefined;
  });
  expect(lastColdStart).toMatchObject({ pod: expect.stringMatching(/^wave-/) });

  const traffic = startTraffic(context.openai(), { model: 'wave', clients: 8, tokens: 200 });
  try {
    const { metadata, spec } = await waitUntil(
      'four replicas serve',
      async () => {
        const now = await object('wave');
        return now.status?.readyReplicas === 4 ? now : undefined;
      },
      patienceMs,
    );
    expect(spec.replicas).toBe(4);
    await restartOperator(4);
    expect((await object('wave')).metadata.generation).toBe(metadata.generation);
  } finally {
    await traffic.stop();
  }
  expect(traffic.log.filter(({ outcome }) => outcome !== 'whole')).toEqual([]);
  expect(traffic.log.length).toBeGreaterThan(3);
  await untilAtZero(kubectl, 'wave');
});

test('requests that wait while the operator is killed, and those that come then, are answered', async () => {
  await kubectl.apply(
    elastic('waiter', {}, { accelerator: { profile: 'elastic-after-restart', count: 1 } }),
  );
  await kubectl.apply(elastic('survivor'));
  await untilAtZero(kubectl, 'waiter');
  await untilAtZero(kubectl, 'survivor');
  const waiting = ask('waiter');
  await untilHeld('waiter', 1);
  const [operator] = (await system.getJson<{ items: PodObject[] }>('pods', '-l', operators)).items;
  killEngine(operator!.metadata.uid, 'node');
  expect(await ask('survivor')).toContain('Skiff');
  expect(await held('waiter')).toBe(1);
  await offer(kubectl, 'example.com/after-restart', 1);
  expect(await waiting).toContain('Skiff');
});

test('a client that leaves while it waits gives up its place, and the model goes back to zero', async () => {
  await kubectl.apply(
    elastic('left', {}, { accelerator: { profile: 'elastic-absent', count: 1 } }),
  );
  await untilAtZero(kubectl, 'left');
  const leaving = new AbortController();
  const asked = [true, false].map((stream) =>
    fetch(`${context.baseUrl()}/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ model: 'left', messages: [], stream }),
      signal: leaving.signal,
    }).then((answer) => answer.text()),
  );
  const answers = Promise.allSettled(asked);
  await untilHeld('left', 2);
  await waitUntil('a pod is made for them', async () =>
    (await podsOf(kubectl, 'left')).length === 1 ? true : undefined,
  );
  leaving.abort();
  expect((await answers).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await untilHeld('left', 0);
  await untilAtZero(kubectl, 'left');
});

test('a model at zero keeps its images on warm nodes, until it serves', async () => {
  const warmPods = async () =>
    (await kubectl.getJson<{ items: PodObject[] }>('pods', '-l', 'fairlead.dev/warm=warmed')).items;
  await kubectl.apply(elastic('warmed', { idleTimeout: '60s' }, { warmNodes: 2 }));
  const nodes = await waitUntil('two nodes hold the images', async () => {
    const running = (await warmPods()).filter(({ status }) => status.phase === 'Running');
    return running.length === 2 ? running.map(({ spec }) => spec.nodeName) : undefined;
  });
  expect(new Set(nodes).size).toBe(2);
  expect(await ask('warmed')).toContain('Skiff');
  await waitUntil('they are not needed', async () =>
    (await warmPods()).length === 0 ? true : undefined,
  );
});
