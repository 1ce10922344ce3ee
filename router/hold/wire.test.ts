import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import type { RouterConfig } from '../config.ts';
import { ask, markOf, openAt } from '../testing/held.ts';
import { parseAnswer, type RawClient } from '../testing/raw-client.ts';
import { type ScriptedUpstream, sendJson, startUpstream } from '../testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from '../testing/test-router.ts';

let upstream: ScriptedUpstream;
let router: TestRouter;
let clients: RawClient[];

beforeEach(async () => {
  clients = [];
  upstream = await startUpstream();
});
afterEach(async () => {
  for (const { socket } of clients) socket.destroy();
  await router.stop();
  await upstream.stop();
});

async function start(config: Partial<RouterConfig> = {}): Promise<void> {
  router = await startTestRouter(config);
}

/** Sends requests one after the other; each is there before the next. */
async function askAll(model: string, marks: readonly string[], headers: readonly string[] = []) {
  for (const mark of marks) clients.push(await ask(router, { model, mark }, { headers }));
}

const numbered = (count: number, prefix = '') =>
  Array.from({ length: count }, (_, at) => `${prefix}${at}`);

async function answerOf(client: RawClient) {
  const text = await client.received(/^HTTP.*\}$/s);
  const { statusLine, headers, body } = parseAnswer(text);
  return { status: Number(statusLine.split(' ')[1]), headers, json: JSON.parse(body) };
}

test('held in order, released as the replica has room, never more than it works on at once', async () => {
  await start();
  router.putModel('m', { maxConcurrency: 2 });
  await router.untilReplicas('m', 0);
  await askAll('m', numbered(7));
  const { open, next, most } = openAt(upstream);
  router.putPod('m', 'm-0', upstream.port);
  const order: string[] = [];
  for (let answered = 0; answered < 7; answered++) {
    if (answered < 6) await eventually('two are open', () => open.length === 2);
    const request = await next();
    order.push(markOf(request));
    sendJson(request, { ok: true });
  }
  // The first two go at once, over connections of their own.
  expect(order.slice(0, 2).sort()).toEqual(['0', '1']);
  expect(order.slice(2)).toEqual(numbered(7).slice(2));
  expect(most()).toBe(2);
  for (const client of clients) expect((await answerOf(client)).status).toBe(200);
  await eventually('nothing is held or open', () => router.inFlight() === 0);
});

test('who comes while others wait does not pass them', async () => {
  await start();
  router.putModel('m', { maxConcurrency: 1 });
  await router.untilReplicas('m', 0);
  await askAll('m', numbered(2));
  const { open, next } = openAt(upstream);
  router.putPod('m', 'm-0', upstream.port);
  await eventually('the first is open', () => open.length === 1);
  await askAll('m', ['late']);
  const order: string[] = [];
  for (let answered = 0; answered < 3; answered++) {
    const request = await next();
    order.push(markOf(request));
    sendJson(request, { ok: true });
  }
  expect(order).toEqual(['0', '1', 'late']);
});

test('the higher priority of a key’s policy goes first', async () => {
  await start({ auth: { mode: 'required', namespace: 'keys' } });
  router.putKey('low', { key: 'sk-low-0123456789', policy: 'priority: -5' });
  router.putKey('usual', { key: 'sk-usual-0123456789' });
  router.putKey('high', { key: 'sk-high-0123456789', policy: 'priority: 5' });
  router.putModel('m', { maxConcurrency: 1 });
  await router.untilReplicas('m', 0, 'sk-high-0123456789');
  const bearer = (name: string) => [`authorization: Bearer sk-${name}-0123456789`];
  for (const name of ['low', 'usual', 'high']) await askAll('m', [`${name}-0`], bearer(name));
  for (const name of ['high', 'low']) await askAll('m', [`${name}-1`], bearer(name));
  const { next } = openAt(upstream);
  router.putPod('m', 'm-0', upstream.port);
  const order: string[] = [];
  for (let answered = 0; answered < 5; answered++) {
    const request = await next();
    order.push(markOf(request));
    sendJson(request, { ok: true });
  }
  expect(order).toEqual(['high-0', 'high-1', 'usual-0', 'low-0', 'low-1']);
});

test('beyond the bound: 429 with Retry-After, in the dialect of the endpoint', async () => {
  await start();
  router.putModel('m', { hold: { maxRequests: 2 } });
  await router.untilReplicas('m', 0);
  await askAll('m', numbered(2));
  const body = JSON.stringify({ model: 'm' });
  const openai = await fetch(`${router.address}/v1/chat/completions`, { method: 'POST', body });
  expect([openai.status, openai.headers.get('retry-after')]).toEqual([429, '10']);
  expect(await openai.json()).toMatchObject({
    error: { type: 'rate_limit_error', code: 'hold_full', param: 'model' },
  });
  const anthropic = await fetch(`${router.address}/v1/messages`, { method: 'POST', body });
  expect([anthropic.status, anthropic.headers.get('retry-after')]).toEqual([429, '10']);
  expect(await anthropic.json()).toMatchObject({
    type: 'error',
    error: { type: 'rate_limit_error' },
  });
  expect(await router.metrics()).toMatch(
    /queue_wait_seconds_count\{[^}]*outcome="rejected"[^}]*\} 2/,
  );
  clients.shift()?.socket.destroy();
  await eventually('its place is free', () => router.inFlight() === 1);
  await askAll('m', ['next']);
});

test('the bodies of those that wait are bounded; one model may have half, and one request alone all', async () => {
  await start({ holdLimitBytes: 10_000 });
  for (const name of ['a', 'b']) router.putModel(name);
  await router.untilReplicas('b', 0);
  const sized = (bytes: number) => 'x'.repeat(bytes);
  const status = async (model: string, bytes: number) => {
    const body = JSON.stringify({ model, mark: sized(bytes) });
    return (await fetch(`${router.address}/v1/chat/completions`, { method: 'POST', body })).status;
  };
  await askAll('a', [sized(4_000)]);
  expect(await status('a', 2_000)).toBe(429);
  await askAll('b', [sized(4_000)]);
  expect(await status('b', 2_000)).toBe(429);
  for (const { socket } of clients) socket.destroy();
  await eventually('nothing is held', () => router.inFlight() === 0);
  await askAll('a', [sized(20_000)]);
  expect(await status('b', 10)).toBe(429);
});

test('at the deadline: 503 with Retry-After, in the dialect of the endpoint, with the operator’s reason', async () => {
  await start();
  router.putModel('m', { hold: { timeout: '200ms' }, notReadyMessage: 'no node has a GPU' });
  await router.untilReplicas('m', 0);
  const body = JSON.stringify({ model: 'm' });
  const openai = await fetch(`${router.address}/v1/chat/completions`, { method: 'POST', body });
  expect([openai.status, openai.headers.get('retry-after')]).toEqual([503, '30']);
  const { error } = (await openai.json()) as { error: { message: string } };
  expect(error).toMatchObject({ type: 'service_unavailable', code: 'hold_timeout' });
  expect(error.message).toContain('no node has a GPU');
  const anthropic = await fetch(`${router.address}/v1/messages`, { method: 'POST', body });
  expect([anthropic.status, anthropic.headers.get('retry-after')]).toEqual([503, '30']);
  expect(await anthropic.json()).toMatchObject({
    type: 'error',
    error: { type: 'overloaded_error' },
  });
  expect(await router.metrics()).toMatch(
    /queue_wait_seconds_count\{[^}]*outcome="timeout"[^}]*\} 2/,
  );
  expect(await router.metrics()).toMatch(/fairlead_queue_depth\{[^}]*"m"[^}]*\} 0/);
  expect(router.inFlight()).toBe(0);
});

test('zero by hand, without spec.autoscaling: it is held, for another scaler may be watching', async () => {
  await start();
  router.putModel('m', { replicas: 0 });
  await router.untilReplicas('m', 0);
  await askAll('m', ['a']);
  router.putPod('m', 'm-0', upstream.port);
  const [client] = clients;
  expect((await answerOf(client!)).status).toBe(200);
});

test.each([
  ['paused', { paused: true }],
  ['without hold', { hold: { maxRequests: 0 } }],
])('%s: nothing would start, so nobody waits', async (_name, spec) => {
  await start();
  router.putModel('m', spec);
  await router.untilReplicas('m', 0);
  const body = JSON.stringify({ model: 'm' });
  const answer = await fetch(`${router.address}/v1/chat/completions`, { method: 'POST', body });
  expect(answer.status).toBe(503);
  expect(await answer.json()).toMatchObject({ error: { code: 'no_ready_replica' } });
});

test('what waits for a model that is paused or deleted is refused at once', async () => {
  await start();
  for (const name of ['paused', 'deleted']) router.putModel(name);
  await router.untilReplicas('deleted', 0);
  await askAll('paused', ['a']);
  await askAll('deleted', ['b']);
  router.putModel('paused', { paused: true });
  router.removeModel('deleted');
  const [paused, deleted] = await Promise.all(clients.map(answerOf));
  expect([paused?.status, paused?.json.error.code]).toEqual([503, 'no_ready_replica']);
  expect([deleted?.status, deleted?.json.error.code]).toEqual([404, 'model_not_found']);
});

test('a thousand requests at zero: none is lost', async () => {
  await start();
  router.putModel('m', { maxConcurrency: 8 });
  await router.untilReplicas('m', 0);
  const answers = numbered(1_000).map(async (mark) => {
    const body = JSON.stringify({ model: 'm', mark });
    const answer = await fetch(`${router.address}/v1/chat/completions`, { method: 'POST', body });
    return [answer.status, ((await answer.json()) as { mark: string }).mark];
  });
  await eventually('all are held', () => router.inFlight() === 1_000, 200_000);
  let [open, most] = [0, 0];
  upstream.answer = (request) => {
    most = Math.max(most, ++open);
    setImmediate(() => {
      open--;
      sendJson(request, { mark: markOf(request) });
    });
  };
  router.putPod('m', 'm-0', upstream.port);
  expect(await Promise.all(answers)).toEqual(numbered(1_000).map((mark) => [200, mark]));
  expect(most).toBeLessThanOrEqual(8);
  expect(router.inFlight()).toBe(0);
}, 240_000);
