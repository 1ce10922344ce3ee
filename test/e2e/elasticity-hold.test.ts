import OpenAI from 'openai';
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import { createKubectl } from '../support/kubectl.ts';
import {
  acceleratorProfile,
  conditionOf,
  type ModelDeploymentObject,
  type PodObject,
} from '../support/models.ts';
import { waitUntil } from '../support/wait-until.ts';
import { systemNamespace, useContext } from './context.ts';
import { startCrowd } from './crowd.ts';
import { elastic, offer, untilAtZero } from './elastic.ts';
import { type PortForward, portForward } from './port-forward.ts';
import { useRouterMetrics } from './router-metrics.ts';

// Against hanging: each of them waits for things one after another.
vi.setConfig({ testTimeout: 400_000 });

const context = useContext('e2e-hold');
const { kubectl } = context;
const access = inject('clusterAccess');
const routers = useRouterMetrics();
const patienceMs = 120_000;
/** A resource that no node offers until the test lets one. */
const late = 'example.com/late';
const single = 'example.com/single';
const absent = { profile: 'hold-absent', count: 1 };
let oneRouter: PortForward;

const held = (model: string) =>
  routers.sum('fairlead_queue_depth', { gen_ai_request_model: model });
const rssBytes = () => routers.sum('process_resident_memory_bytes');
const mebibytes = (bytes: number) => Math.round(bytes / 2 ** 20);
const object = (name: string) => kubectl.getJson<ModelDeploymentObject>('mdep', name);

beforeAll(async () => {
  await kubectl.apply(acceleratorProfile('hold-late', late));
  await kubectl.apply(acceleratorProfile('hold-absent', 'example.com/absent'));
  await kubectl.apply(acceleratorProfile('hold-single', single));
  const system = createKubectl(access, systemNamespace);
  const component = 'app.kubernetes.io/component=router';
  const { items } = await system.getJson<{ items: PodObject[] }>('pods', '-l', component);
  oneRouter = await portForward(access, systemNamespace, `pod/${items[0]?.metadata.name}`, 8080);
});
afterAll(async () => {
  await oneRouter?.stop();
  await kubectl.run(['delete', 'acceleratorprofile', 'hold-late', 'hold-absent', 'hold-single']);
});

test('of 1,000 requests at once for a model at zero none is lost', async () => {
  const crowded = { accelerator: { profile: 'hold-late', count: 1 } };
  await kubectl.apply(elastic('crowded', { idleTimeout: '60s' }, crowded));
  await untilAtZero(kubectl, 'crowded');
  const beforeBytes = await rssBytes();
  const crowd = await startCrowd(kubectl, 'crowded', 1000);
  await waitUntil(
    'all of them are held',
    async () => ((await held('crowded')) === 1000 ? true : undefined),
    patienceMs,
  );
  const growthBytes = (await rssBytes()) - beforeBytes;
  console.log(`routers with 1,000 held requests: ${mebibytes(growthBytes)} MiB more than before`);
  // The bar is 30 MB; the garbage collector's moods are not this test's matter.
  expect(growthBytes).toBeLessThan(120 * 2 ** 20);
  await offer(kubectl, late, 1);
  expect(await crowd.report()).toEqual({ statuses: { 200: 1000 }, codes: {}, broken: 0 });
  expect(await held('crowded')).toBe(0);
});

test('an engine that never starts: refused beyond the bound, told at the deadline, and the status says why', async () => {
  const hold = { maxRequests: 3, timeout: '30s' };
  await kubectl.apply(elastic('stuck', { hold, idleTimeout: '60s' }, { accelerator: absent }));
  await untilAtZero(kubectl, 'stuck');
  const openai = new OpenAI({ baseURL: `${oneRouter.origin}/v1`, apiKey: 'none', maxRetries: 0 });
  const ask = () => {
    const messages = [{ role: 'user' as const, content: 'Hello' }];
    return openai.chat.completions.create({ model: 'stuck', messages }).then(
      () => undefined,
      (error: unknown) => error as InstanceType<typeof OpenAI.APIError>,
    );
  };
  const waiting = [ask(), ask()];
  const stream = streamOf('stuck');
  await waitUntil('three are held', async () => ((await held('stuck')) === 3 ? true : undefined));
  const refused = await ask();
  expect([refused?.status, refused?.type, refused?.code]).toEqual([
    429,
    'rate_limit_error',
    'hold_full',
  ]);
  expect(Number(refused?.headers?.get('retry-after'))).toBeGreaterThan(0);

  const message = await waitUntil('the status says why', async () => {
    const scheduled = conditionOf(await object('stuck'), 'Scheduled');
    return scheduled?.status === 'False' ? scheduled.message : undefined;
  });
  expect(message).toContain('Insufficient example.com/absent');
  for (const error of await Promise.all(waiting)) {
    expect([error?.status, error?.type, error?.code]).toEqual([
      503,
      'service_unavailable',
      'hold_timeout',
    ]);
    expect(Number(error?.headers?.get('retry-after'))).toBeGreaterThan(0);
    expect(error?.message).toContain('Insufficient example.com/absent');
  }
  const { text, isCutOff } = await stream;
  expect(text).toMatch(/^: waiting/);
  expect(text).toContain('"code":"hold_timeout"');
  expect(text).not.toContain('[DONE]');
  // So that nobody takes the stream for complete.
  expect(isCutOff).toBe(true);
});

/** A streamed answer to its end, and whether the connection broke off there. */
async function streamOf(model: string): Promise<{ text: string; isCutOff: boolean }> {
  const response = await fetch(`${oneRouter.origin}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model, messages: [], stream: true }),
  });
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true });
    return { text, isCutOff: false };
  } catch {
    return { text, isCutOff: true };
  }
}

test('two models at zero and one free accelerator: one waits, says so, and comes when the other rests', async () => {
  const nodes = await kubectl.getJson<{ items: { metadata: { name: string } }[] }>('nodes');
  await offer(kubectl, single, 1, nodes.items[0]?.metadata.name);
  const accelerator = { profile: 'hold-single', count: 1 };
  const names = ['one', 'two'];
  const scaled = (name: string, idleTimeout: string) =>
    elastic(name, { idleTimeout }, { accelerator });
  await kubectl.apply(...names.map((name) => scaled(name, '10m')));
  for (const name of names) await untilAtZero(kubectl, name);
  const settled: string[] = [];
  const answers = names.map(async (model) => {
    const messages = [{ role: 'user' as const, content: 'Who are you?' }];
    const completion = await context.openai().chat.completions.create({ model, messages });
    settled.push(model);
    return completion.choices[0]?.message.content;
  });
  const waits = await waitUntil('one of them says that it waits', async () => {
    for (const name of names) {
      const scheduled = conditionOf(await object(name), 'Scheduled');
      if (scheduled?.message.includes(`Insufficient ${single}`)) return name;
    }
    return undefined;
  });
  const serves = names.filter((name) => name !== waits);
  await waitUntil('the other one has answered', () => (settled.length > 0 ? true : undefined));
  expect(settled).toEqual(serves);
  // It has been idle for longer by now, or soon will have been.
  await kubectl.apply(...serves.map((name) => scaled(name, '1s')));
  for (const answer of await Promise.all(answers)) expect(answer).toContain('Skiff');
});
