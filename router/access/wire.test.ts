import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import { openRaw, parseAnswer } from '../testing/raw-client.ts';
import { type ScriptedUpstream, sendJson, startUpstream } from '../testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from '../testing/test-router.ts';

// Starting a router takes longer on a busy machine than hooks may by default.
vi.setConfig({ hookTimeout: 60_000 });

const alice = 'sk-alice-0123456789';
const admin = 'sk-admin-0123456789';
const chat = '/v1/chat/completions';

let upstream: ScriptedUpstream;
let router: TestRouter;

async function start(mode: 'optional' | 'required' = 'required'): Promise<void> {
  router = await startTestRouter({ auth: { mode, namespace: 'keys' } });
  router.putKey('admin', { key: admin });
  router.putModel('m');
  router.putPod('m', 'm-0', upstream.port);
  await router.untilReplicas('m', 1, admin);
}

beforeEach(async () => {
  upstream = await startUpstream((request) => sendJson(request, { ok: true }));
});
afterEach(async () => {
  await router.stop();
  await upstream.stop();
});

async function call(path: string, headers: Record<string, string> = {}, body?: string) {
  const method = body === undefined ? 'GET' : 'POST';
  const answer = await fetch(router.address + path, { method, headers, ...(body && { body }) });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, json: JSON.parse(text) };
}

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const ask = (key: string, model = 'm') => call(chat, bearer(key), JSON.stringify({ model }));

/** Puts alice's key with a policy and waits until it is in force. */
async function putAlice(policy: string): Promise<void> {
  router.putKey('alice', { key: alice, policy });
  const models = async () => (await call('/v1/models', bearer(alice))).status;
  await eventually('the key is known', async () => (await models()) === 200);
}

test('without a good key nothing is answered but 401, in the dialect of the endpoint', async () => {
  await start();
  for (const headers of [{}, bearer('sk-wrong-0123456789')]) {
    for (const answer of [
      await call(chat, headers, '{"model":"m"}'),
      await call(chat, headers, 'no json'),
      await call('/v1/models', headers),
      await call('/v1/models/m', headers),
    ]) {
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      expect(answer.json.error).toMatchObject({
        type: 'invalid_request_error',
        param: null,
        code: 'invalid_api_key',
      });
    }
    const anthropic = await call('/v1/messages', headers, '{"model":"m"}');
    expect([anthropic.status, anthropic.json.type]).toEqual([401, 'error']);
    expect(anthropic.json.error.type).toBe('authentication_error');
  }
  expect(upstream.requests).toEqual([]);
});

test('a preflight needs no key', async () => {
  await start();
  const answer = await fetch(router.address + chat, { method: 'OPTIONS' });
  expect(answer.status).toBe(204);
});

test('a good key opens, and stays here', async () => {
  await start();
  expect((await ask(admin)).json).toEqual({ ok: true });
  expect((await call(chat, { 'x-api-key': admin }, '{"model":"m"}')).json).toEqual({ ok: true });
  expect(upstream.requests).toHaveLength(2);
  for (const { head } of upstream.requests) expect(head).not.toContain(admin);
  expect(router.logged.at(-1)).toMatchObject({ status: 200, tenant: 'admin' });
});

test('a key sees and asks the models of its policy, and learns nothing of others', async () => {
  await start();
  for (const name of ['m-secret', 'other']) router.putModel(name);
  await router.untilReplicas('other', 0, admin);
  await putAlice('models: [m, x-*]');
  const { json } = await call('/v1/models', bearer(alice));
  expect(json.data.map((card: { id: string }) => card.id)).toEqual(['m']);
  expect((await ask(alice, 'm')).status).toBe(200);
  const [existing, invented] = [await ask(alice, 'm-secret'), await ask(alice, 'm-sacred')];
  expect(existing.status).toBe(403);
  expect(existing.json.error).toMatchObject({ code: 'model_not_allowed', param: 'model' });
  expect(invented.status).toBe(403);
  expect((await call('/v1/models/other', bearer(alice))).status).toBe(403);
  const near = await ask(alice, 'x-secret');
  expect(near.status).toBe(404);
  expect(near.json.error.message).not.toContain('m-secret');
});

test('requests per minute: the headers count down, then 429', async () => {
  await start();
  await putAlice('requestsPerMinute: 2');
  const first = await ask(alice);
  expect(first.headers.get('x-ratelimit-limit-requests')).toBe('2');
  expect(first.headers.get('x-ratelimit-remaining-requests')).toBe('1');
  await ask(alice);
  const third = await ask(alice);
  expect([third.status, third.json.error.code]).toEqual([429, 'rate_limit_exceeded']);
  expect(third.headers.get('x-ratelimit-remaining-requests')).toBe('0');
  expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(Number(third.headers.get('retry-after-ms'))).toBeGreaterThan(0);
  expect(upstream.requests).toHaveLength(2);
  expect((await ask(admin)).status).toBe(200);
});

test('tokens per minute count what the engine says, in the metrics too', async () => {
  await start();
  upstream.answer = (request) =>
    sendJson(request, { usage: { prompt_tokens: 60, completion_tokens: 40 } });
  await putAlice('tenant: team-a\ntokensPerMinute: 100');
  expect((await ask(alice)).headers.get('x-ratelimit-remaining-tokens')).toBe('100');
  await eventually('the tokens are counted', async () => (await ask(alice)).status === 429);
  expect(await router.metrics()).toMatch(
    /fairlead_tokens_total\{gen_ai_request_model="m",tenant="team-a",type="output"\} \d+\n/,
  );
});

test('requests at once: a place comes back when an answer ends or its client goes', async () => {
  await start();
  await putAlice('maxInFlight: 1');
  upstream.answer = () => {};
  const body = '{"model":"m"}';
  const head = `POST ${chat} HTTP/1.1\r\nHost: r\r\nAuthorization: Bearer ${alice}\r\nContent-Length: ${body.length}\r\n\r\n`;
  const client = openRaw(router.address, head + body);
  await eventually('the engine has it', () => upstream.requests.length === 1);
  expect((await ask(alice)).status).toBe(429);
  client.socket.destroy();
  upstream.answer = (request) => sendJson(request, { ok: true });
  await eventually('the place is free', async () => (await ask(alice)).status === 200);
  expect((await ask(alice)).status).toBe(200);
});

test('a key is rotated without a restart', async () => {
  await start();
  await putAlice('tenant: team-a');
  router.putKey('alice-2', { key: `${alice}-2`, policy: 'tenant: team-a' });
  await eventually('the new one opens', async () => (await ask(`${alice}-2`)).status === 200);
  expect((await ask(alice)).status).toBe(200);
  router.removeKey('alice');
  await eventually('the old one does not', async () => (await ask(alice)).status === 401);
  expect((await ask(`${alice}-2`)).status).toBe(200);
});

test('optional: open until the first Secret, and shut by a broken one too', async () => {
  router = await startTestRouter({ auth: { mode: 'optional', namespace: 'keys' } });
  router.putModel('m');
  router.putPod('m', 'm-0', upstream.port);
  await router.untilReplicas('m', 1);
  const told = (text: string) => router.everyLine.filter(([, message]) => message.includes(text));
  expect((await call(chat, {}, '{"model":"m"}')).status).toBe(200);
  expect(told('requests need no API key')).toHaveLength(1);
  router.putKey('alice', { key: alice, policy: 'model: m' });
  await eventually('shut', async () => (await ask(alice)).status === 401);
  expect(told('this Secret gives no API key')).toEqual([
    [{ secret: 'keys/alice', problem: expect.stringContaining('"model"') }, expect.anything()],
  ]);
});

test('without the API server keys go on as they were', async () => {
  await start();
  await router.api.stop();
  expect((await ask(admin)).status).toBe(200);
  expect((await ask(alice)).status).toBe(401);
  await router.api.start();
});

test('a stranger’s large body is refused unread, a small one is read first', async () => {
  await start();
  const head = (length: number) =>
    `POST ${chat} HTTP/1.1\r\nHost: r\r\nContent-Length: ${length}\r\n\r\n`;
  const large = openRaw(router.address, head(50_000_000));
  await large.received(/"code":"invalid_api_key"/);
  expect(parseAnswer(large.text()).headers).toContain('connection: close');
  const small = openRaw(router.address, `${head(2)}{}`);
  await small.received(/"code":"invalid_api_key"/);
  expect(parseAnswer(small.text()).headers).not.toContain('connection: close');
  for (const { socket } of [large, small]) socket.destroy();
});

test('a fallback is asked only of those whose key may use it', async () => {
  await start();
  router.putModel('front', { routing: { fallbacks: ['m'] }, hold: { timeout: '0s' } });
  await router.untilReplicas('front', 0, admin);
  const taken = await ask(admin, 'front');
  expect([taken.status, taken.headers.get('x-fairlead-model')]).toEqual([200, 'm']);
  await putAlice('models: [front]');
  expect((await ask(alice, 'front')).status).toBe(503);
});

test('no key is in the log or in the metrics, whatever becomes of its request', async () => {
  await start();
  await putAlice('models: [m]\nrequestsPerMinute: 3');
  const canary = 'sk-canary-0123456789';
  router.putKey('broken', { key: canary, policy: `tenant: ${canary} ${canary}` });
  for (const key of [alice, admin, canary]) {
    await ask(key);
    await ask(key, 'nope');
    await call(chat, { 'x-api-key': key }, 'no json');
    await call('/v1/models', bearer(key));
  }
  const seen = inspect([router.everyLine, await router.metrics()], {
    depth: 9,
    maxArrayLength: null,
  });
  for (const key of [alice, admin, canary]) {
    expect(seen).not.toContain(key);
    expect(seen).not.toContain(Buffer.from(key).toString('base64'));
  }
});
