import { afterEach, expect, test } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import {
  beginStream,
  chunk,
  type ScriptedUpstream,
  startUpstream,
  type UpstreamRequest,
} from '../testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from '../testing/test-router.ts';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of cleanUp.splice(0).reverse()) await one();
});

/** A model with one replica, which begins no answer by itself, and keys of two priorities. */
async function overloaded(
  hold = {},
  maxConcurrency = 100,
): Promise<{ router: TestRouter; arrived: UpstreamRequest[] }> {
  const upstream: ScriptedUpstream = await startUpstream();
  cleanUp.push(() => upstream.stop());
  const arrived: UpstreamRequest[] = [];
  upstream.answer = (request) => void arrived.push(request);
  const router = await startTestRouter({ auth: { mode: 'required', namespace: 'keys' } });
  cleanUp.push(() => router.stop());
  router.putKey('batch', { key: keyOf('batch') });
  router.putKey('urgent', { key: keyOf('urgent'), policy: '{"priority": 5}' });
  router.putModel('m', { maxConcurrency, hold });
  router.putPod('m', 'm-0', upstream.port);
  await router.untilReplicas('m', 1, keyOf('urgent'));
  return { router, arrived };
}

const keyOf = (tenant: string) => `${tenant}-key-of-sixteen-characters`;

/** Asks for a stream, with a prompt of about 1,000 tokens; what became of it, in the end. */
async function ask(router: TestRouter, tenant: string, at = 0) {
  const answer = await fetch(`${router.address}/v1/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${keyOf(tenant)}` },
    body: JSON.stringify({
      model: 'm',
      prompt: `${tenant} ${at} `.padEnd(4_000, 'x'),
      stream: true,
    }),
  });
  const { status, headers } = answer;
  return { status, retryAfter: headers.get('retry-after'), text: await answer.text() };
}

const heldBy = async (router: TestRouter) =>
  Number(/^fairlead_queue_depth\{[^}]*\} (\d+)$/m.exec(await router.metrics())?.[1]);

const tenantOf = ({ body }: UpstreamRequest) => /batch|urgent/.exec(body.toString())?.[0];

function answer(request: UpstreamRequest): void {
  beginStream(request);
  request.socket.write(chunk('data: {"choices":[{"text":"a","finish_reason":"stop"}]}\n\n'));
  request.socket.write(chunk('data: [DONE]\n\n'));
  request.socket.write(chunk(''));
}

test('at overload the urgent reach the replica at once, the others wait, and all are answered', async () => {
  const { router, arrived } = await overloaded();
  const batch = Array.from({ length: 12 }, (_, at) => ask(router, 'batch', at));
  const held = () => heldBy(router);
  await eventually('what the replica cannot compute soon waits', async () => (await held()) === 11);
  expect(arrived.map(tenantOf)).toEqual(['batch']);

  const urgent = ask(router, 'urgent');
  await eventually('the urgent one is there', () => arrived.length === 2);
  expect(arrived.map(tenantOf).at(-1)).toBe('urgent');
  expect(await held()).toBe(11);

  let answered = 0;
  await eventually('all have come', () => {
    for (; answered < arrived.length; answered++) answer(arrived[answered]!);
    return answered === 13;
  });
  for (const { status, text } of await Promise.all([urgent, ...batch])) {
    expect(status).toBe(200);
    expect(text).toContain('[DONE]');
  }
  expect(await held()).toBe(0);
});

test('of those that wait the one goes first whose prompt is where there is room', async () => {
  const { router, arrived } = await overloaded({}, 1);
  const asked = [];
  for (const [held, at] of [1, 2, 3, 1].entries()) {
    asked.push(ask(router, 'batch', at));
    await eventually('it is there, or waits', async () =>
      held === 0 ? arrived.length === 1 : (await heldBy(router)) === held,
    );
  }
  for (let answered = 0; answered < asked.length; answered++) {
    await eventually('the next has come', () => arrived.length === answered + 1);
    answer(arrived[answered]!);
  }
  await Promise.all(asked);
  const order = arrived.map(({ body }) => /batch (\d)/.exec(body.toString())?.[1]);
  expect(order).toEqual(['1', '1', '2', '3']);
});

test('more than may wait are told to come again', async () => {
  const { router, arrived } = await overloaded({ maxRequests: 2 });
  const waiting = Array.from({ length: 1 + 2 }, (_, at) => ask(router, 'batch', at));
  await eventually('one is there', () => arrived.length === 1);
  const refused = await ask(router, 'batch', 9);
  expect(refused.status).toBe(429);
  expect(Number(refused.retryAfter)).toBeGreaterThan(0);
  let answered = 0;
  await eventually('the others have come', () => {
    for (; answered < arrived.length; answered++) answer(arrived[answered]!);
    return answered === 3;
  });
  for (const { status } of await Promise.all(waiting)) expect(status).toBe(200);
});

test('where all keys have the same priority nothing waits for its prompt’s turn', async () => {
  const { router, arrived } = await overloaded();
  router.removeKey('urgent');
  await eventually('the key is gone', async () => (await list(router, 'urgent')) === 401);
  const batch = Array.from({ length: 6 }, (_, at) => ask(router, 'batch', at));
  await eventually('all are there', () => arrived.length === 6);
  for (const request of arrived) answer(request);
  for (const { status } of await Promise.all(batch)) expect(status).toBe(200);
});

async function list(router: TestRouter, tenant: string): Promise<number> {
  const headers = { authorization: `Bearer ${keyOf(tenant)}` };
  return (await fetch(`${router.address}/v1/models`, { headers })).status;
}
