import { beforeAll, expect, test } from 'vitest';
import { type ModelDeploymentObject, type PodObject, skiff } from '../support/models.ts';
import { waitUntil } from '../support/wait-until.ts';
import { useContext } from './context.ts';
import { killEngine } from './kill-engine.ts';

const context = useContext('e2e-healing');
const { kubectl } = context;

beforeAll(async () => {
  await kubectl.apply(skiff('healed', { replicas: 2 }));
  await kubectl.waitFor('mdep/healed', 'jsonpath={.status.readyReplicas}=2');
});

const pods = async (): Promise<PodObject[]> =>
  (
    await kubectl.getJson<{ items: PodObject[] }>(
      'pods',
      '-l',
      'fairlead.dev/model-deployment=healed',
    )
  ).items;

const readyReplicas = async (): Promise<number> =>
  (await kubectl.getJson<ModelDeploymentObject>('mdep', 'healed')).status?.readyReplicas ?? 0;

/** Asks without pause, with the SDK's own two retries, until `until` resolves; returns the count. */
async function askUntil(until: Promise<unknown>): Promise<number> {
  let over = false;
  const stop = (): void => {
    over = true;
  };
  const ended = until.then(stop, (error: unknown) => {
    stop();
    throw error;
  });
  const openai = context.openai({ maxRetries: 2 });
  let answers = 0;
  const client = async (): Promise<void> => {
    while (!over) {
      const completion = await openai.chat.completions.create({
        model: 'healed',
        messages: [{ role: 'user', content: 'Who are you?' }],
        temperature: 0,
      });
      expect(completion.choices[0]?.message.content).toContain('Skiff');
      answers += 1;
    }
  };
  await Promise.all([ended, client(), client(), client()]);
  return answers;
}

test('kill -9 of an engine is healed and no client sees an error', async () => {
  const [victim] = await pods();
  const restarted = async (): Promise<void> => {
    killEngine(victim!.metadata.uid, 'llama-server');
    await waitUntil('the killed engine is restarted and ready', async () => {
      const pod = (await pods()).find(({ metadata }) => metadata.uid === victim!.metadata.uid);
      const engine = pod?.status.containerStatuses?.[0];
      return engine !== undefined && engine.restartCount > 0 && engine.ready ? pod : undefined;
    });
  };
  expect(await askUntil(restarted())).toBeGreaterThan(0);
});

test('a deleted pod is replaced and no client sees an error', async () => {
  const [victim] = await pods();
  const replaced = async (): Promise<void> => {
    await kubectl.run(['delete', 'pod', victim!.metadata.name, '--wait=false']);
    await waitUntil('two ready pods, the deleted one not among them', async () => {
      const now = await pods();
      const gone = now.every(({ metadata }) => metadata.uid !== victim!.metadata.uid);
      return gone && (await readyReplicas()) === 2 ? now : undefined;
    });
  };
  expect(await askUntil(replaced())).toBeGreaterThan(0);
});

test('scale 1 → 2 → 1 adds and removes a replica, and kubectl scale drives it', async () => {
  const scaleTo = async (replicas: number): Promise<void> => {
    await kubectl.run(['scale', 'mdep/healed', `--replicas=${replicas}`]);
    await kubectl.waitFor('mdep/healed', `jsonpath={.status.readyReplicas}=${replicas}`);
    await waitUntil(`${replicas} pods`, async () =>
      (await pods()).length === replicas ? true : undefined,
    );
  };
  await scaleTo(1);
  const [first] = await pods();
  await scaleTo(2);
  expect((await pods()).map(({ metadata }) => metadata.uid)).toContain(first!.metadata.uid);
  await scaleTo(1);
});

test('deleting the ModelDeployment removes everything', async () => {
  await kubectl.run(['delete', 'mdep', 'healed', '--wait', '--timeout=60s']);
  await waitUntil('no pod left', async () => ((await pods()).length === 0 ? true : undefined));
  const ids: string[] = [];
  for await (const card of context.openai().models.list()) ids.push(card.id);
  expect(ids).not.toContain('healed');
});
