import { beforeAll, expect, test } from 'vitest';
import {
  conditionOf,
  type ModelDeploymentObject,
  type PodObject,
  skiff,
} from '../support/models.ts';
import { waitUntil } from '../support/wait-until.ts';
import { useContext } from './context.ts';
import { startTraffic } from './traffic.ts';

/** How often each disruption is done; `make soak-rollout` asks for more. */
const rounds = Number(process.env.FAIRLEAD_ROLLOUT_ROUNDS ?? 1);
const patienceMs = 90_000;

const context = useContext('e2e-rollout');
const { kubectl } = context;
const name = 'rolled';

const spec = (rest: object = {}) => ({
  replicas: 2,
  accelerator: undefined,
  // A fraction of a core makes an answer of seconds out of one of a moment.
  resources: { requests: { cpu: '50m' }, limits: { cpu: '300m' } },
  ...rest,
});

const object = () => kubectl.getJson<ModelDeploymentObject>('mdep', name);
const pods = async () =>
  (
    await kubectl.getJson<{ items: PodObject[] }>(
      'pods',
      '-l',
      `fairlead.dev/model-deployment=${name}`,
    )
  ).items;
const uids = async () => (await pods()).map(({ metadata }) => metadata.uid);

/** Waits until the object says that all is as asked for, and no pod is on its way out. */
async function settled(replicas: number): Promise<void> {
  await waitUntil(
    `${replicas} replicas serve and nothing else is there`,
    async () => {
      const { metadata, status } = await object();
      const isDone =
        status?.observedGeneration === metadata.generation &&
        status.readyReplicas === replicas &&
        conditionOf(await object(), 'Ready')?.status === 'True' &&
        (await pods()).length === replicas;
      return isDone ? true : undefined;
    },
    patienceMs,
  );
}

/** Does something while clients ask without pause, and expects every answer of theirs to be whole. */
async function whileAsked(doing: () => Promise<void>): Promise<void> {
  const traffic = startTraffic(context.openai(), { model: name, clients: 3, tokens: 300 });
  try {
    await waitUntil('answers come', () => (traffic.log.length > 0 ? true : undefined));
    await doing();
  } finally {
    await traffic.stop();
  }
  expect(traffic.log.filter(({ outcome }) => outcome !== 'whole')).toEqual([]);
  expect(traffic.log.length).toBeGreaterThan(3);
}

beforeAll(async () => {
  await kubectl.apply(skiff(name, spec()));
  await settled(2);
});

test.each([
  ['with a surge', 1],
  ['in place', 0],
])('a rollout %s cuts no stream and fails no request', async (_case, maxSurge) => {
  await whileAsked(async () => {
    for (let round = 0; round < rounds; round++) {
      const before = await uids();
      const env = [{ name: 'ROUND', value: `${maxSurge}-${round}` }];
      await kubectl.apply(
        skiff(name, spec({ rollout: { maxSurge }, engine: { type: 'LlamaCpp', env } })),
      );
      await settled(2);
      for (const uid of await uids()) expect(before).not.toContain(uid);
    }
  });
});

test('a scale-down cuts no stream and fails no request, and the pod waits for its requests', async () => {
  await whileAsked(async () => {
    for (let round = 0; round < 2 * rounds; round++) {
      await kubectl.run(['scale', 'mdep', name, '--replicas=1']);
      await settled(1);
      await kubectl.run(['scale', 'mdep', name, '--replicas=2']);
      await settled(2);
    }
  });
  const events = await kubectl.run(['events', '--for', `mdep/${name}`]);
  expect(events).toContain('PodDraining');
  expect(events).not.toContain('drain timeout is over');
});

test('a drained node and an evicted pod cut no stream and fail no request', async () => {
  await whileAsked(async () => {
    for (let round = 0; round < rounds; round++) {
      const [first] = await pods();
      const node = first?.spec.nodeName ?? '';
      const selector = `--pod-selector=fairlead.dev/model-deployment=${name}`;
      await kubectl.run(['drain', node, selector, '--ignore-daemonsets', '--delete-emptydir-data']);
      await settled(2);
      await kubectl.run(['uncordon', node]);
      const [victim] = await pods();
      const { name: evicted } = victim!.metadata;
      const path = `/api/v1/namespaces/${context.namespace}/pods/${evicted}/eviction`;
      const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: evicted } };
      await kubectl.run(['create', '--raw', path, '-f', '-'], JSON.stringify(eviction));
      await waitUntil('it is on its way out', async () => {
        const pod = (await pods()).find(({ metadata }) => metadata.uid === victim!.metadata.uid);
        return pod?.metadata.deletionTimestamp !== undefined || !pod ? true : undefined;
      });
      await settled(2);
    }
  });
});

test.each([
  [
    'image',
    { engine: { type: 'LlamaCpp', image: '127.0.0.1:1/nothing:1' } },
    'ImagePullFailed',
    /127\.0\.0\.1:1\/nothing:1/,
  ],
  [
    'flag',
    { engine: { type: 'LlamaCpp', args: ['--nonsense'] } },
    'EngineCrashed',
    /invalid argument: --nonsense/,
  ],
  [
    'file of weights',
    { source: { uri: 'oci://local.test/llama-server:1?file=etc/passwd' } },
    'EngineCrashed',
    /failed to load model, '\/models\/etc\/passwd'/,
  ],
])(
  'a rollout to a bad %s leaves the old revision serving, and a revert heals',
  async (_case, bad, reason, says) => {
    const good = spec();
    const rollout = { startTimeout: '5s' };
    await kubectl.apply(skiff(name, good));
    await settled(2);
    const before = await uids();
    await whileAsked(async () => {
      await kubectl.apply(skiff(name, { ...good, rollout, ...bad }));
      const message = await waitUntil('the status says why', async () => {
        const ready = conditionOf(await object(), 'Ready');
        return ready?.reason === reason ? ready.message : undefined;
      });
      expect(message).toMatch(says);
      await waitUntil('the rollout is stopped', async () =>
        conditionOf(await object(), 'Stalled')?.reason === 'ProgressDeadlineExceeded'
          ? true
          : undefined,
      );
      await kubectl.apply(skiff(name, good));
      await settled(2);
      expect((await uids()).sort()).toEqual(before.sort());
    });
  },
);
