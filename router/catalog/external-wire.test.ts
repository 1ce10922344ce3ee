import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { externalModelKind } from '../../crds/labels.ts';
import { createAuthority } from '../../kube/testing/certificates.ts';
import { eventually } from '../../kube/testing/wait.ts';
import {
  beginStream,
  type ScriptedUpstream,
  sendJson,
  startUpstream,
} from '../testing/scripted-upstream.ts';
import { secret, secrets, startTestRouter, type TestRouter } from '../testing/test-router.ts';

// Starting a router takes longer on a busy machine than hooks may by default.
vi.setConfig({ hookTimeout: 60_000 });

const collection = '/apis/fairlead.dev/v1alpha1/externalmodels';

let upstream: ScriptedUpstream;
let router: TestRouter;
const servers: Server[] = [];

beforeEach(async () => {
  upstream = await startUpstream((request) => sendJson(request, { ok: true }));
  router = await startTestRouter({ externalNamespaces: ['team'] });
});
afterEach(async () => {
  await router.stop();
  await upstream.stop();
  for (const server of servers.splice(0)) server.close();
});

function putExternal(name: string, spec: object, namespace = 'team'): void {
  const baseURL = `http://127.0.0.1:${upstream.port}/api/v1`;
  router.api.state.put(collection, `${namespace}/${name}`, {
    metadata: { name, namespace, generation: router.api.state.version },
    spec: { baseURL, ...spec },
  });
}

function putSecret(name: string, fields: Record<string, string>): void {
  router.api.state.put(secrets, `team/${name}`, secret('team', name, externalModelKind, fields));
}

async function ask(model: string, path = '/v1/chat/completions') {
  const answer = await fetch(router.address + path, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-client', 'x-api-key': 'sk-client' },
    body: JSON.stringify({ model, messages: [] }),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, json: JSON.parse(text) };
}

test('a request goes to its base URL, under its upstream name, with its key and no other', async () => {
  putSecret('vendor', { key: 'sk-vendor' });
  putExternal('gpt', { upstreamModel: 'vendor/gpt-9', secretName: 'vendor', aliases: ['gpt-4o'] });
  await router.untilReplicas('gpt', 1);
  const { status, headers } = await ask('gpt-4o');
  expect([status, headers.get('x-fairlead-model')]).toEqual([200, 'gpt']);
  const { head, body } = upstream.requests[0]!;
  expect(head).toMatch(/^POST \/api\/v1\/chat\/completions HTTP\/1\.1\r\n/);
  expect(head).toMatch(new RegExp(`^host: 127\\.0\\.0\\.1:${upstream.port}$`, 'im'));
  expect(head.match(/^authorization: .*$/gim)).toEqual(['authorization: Bearer sk-vendor']);
  expect(head).not.toContain('sk-client');
  expect(JSON.parse(body.toString())).toEqual({ model: 'vendor/gpt-9', messages: [] });
  expect(router.logged.at(-1)).toMatchObject({ model: 'gpt', backend_pod: undefined });
});

test('another key holds from the next request on', async () => {
  putSecret('vendor', { key: 'sk-old' });
  putExternal('gpt', { secretName: 'vendor', keyHeader: 'api-key' });
  await router.untilReplicas('gpt', 1);
  await ask('gpt');
  expect(upstream.requests.at(-1)?.head).toMatch(/^api-key: sk-old$/im);
  putSecret('vendor', { key: 'sk-new' });
  await eventually('the new key', async () => {
    await ask('gpt');
    return /^api-key: sk-new$/im.test(upstream.requests.at(-1)?.head ?? '');
  });
});

test('without its Secret nothing is sent, the answer says why, and it heals', async () => {
  putExternal('gpt', { secretName: 'vendor' });
  await router.untilReplicas('gpt', 0);
  const { status, json } = await ask('gpt');
  expect(status).toBe(503);
  expect(json.error.message).toContain('there is no Secret "vendor"');
  expect(upstream.requests).toEqual([]);
  putSecret('vendor', { key: 'sk-vendor' });
  await router.untilReplicas('gpt', 1);
  expect((await ask('gpt')).status).toBe(200);
});

test('TLS: an authority of its own is trusted, and it alone', async () => {
  const [mine, other] = [createAuthority('mine'), createAuthority('other')];
  const server = createServer(mine.issue(), (_request, response) => response.end('{"tls":true}'));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseURL = `https://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  putExternal('public', { baseURL });
  putExternal('private', { baseURL, tls: { caSecretName: 'ca' } });
  putSecret('ca', { 'ca.crt': other.ca });
  await router.untilReplicas('private', 1);
  await router.untilReplicas('public', 1);
  for (const model of ['public', 'private']) {
    const refused = await ask(model);
    expect([refused.status, refused.json.error.code]).toEqual([502, 'replica_failed']);
  }
  putSecret('ca', { 'ca.crt': mine.ca });
  await eventually('trusted', async () => (await ask('private')).status === 200);
  expect((await ask('private')).json).toEqual({ tls: true });
  expect((await ask('public')).status).toBe(502);
});

test('a namespace that is not enabled serves none', async () => {
  putExternal('elsewhere', {}, 'other');
  putExternal('here', {});
  await router.untilReplicas('here', 1);
  expect((await ask('elsewhere')).status).toBe(404);
  const asked = new Set(router.api.seen.map(({ path }) => path));
  expect([...asked].filter((path) => /secrets|externalmodels/.test(path)).sort()).toEqual([
    '/api/v1/namespaces/team/secrets',
    '/apis/fairlead.dev/v1alpha1/namespaces/team/externalmodels',
  ]);
});

test('a model without a ready replica is answered by its first fallback that can', async () => {
  putExternal('broken', { secretName: 'gone' });
  putExternal('spare', { upstreamModel: 'vendor/spare' });
  router.putModel('own', { routing: { fallbacks: ['own', 'nowhere', 'broken', 'spare'] } });
  await router.untilReplicas('own', 0);
  await router.untilReplicas('spare', 1);
  const { status, headers } = await ask('own');
  expect([status, headers.get('x-fairlead-model')]).toEqual([200, 'spare']);
  expect(JSON.parse(upstream.requests[0]!.body.toString()).model).toBe('vendor/spare');
  expect(router.logged.at(-1)).toMatchObject({ model: 'own', fallback_model: 'spare' });
  expect(await router.metrics()).toContain(
    'fairlead_fallbacks_total{gen_ai_request_model="own",fallback_model="spare"} 1\n',
  );
});

test('a fallback takes over when the last replica failed before the first byte', async () => {
  const failing = await startUpstream(({ socket }) => socket.resetAndDestroy());
  putExternal('spare', {});
  router.putModel('own', { routing: { fallbacks: ['spare'] } });
  router.putPod('own', 'own-0', failing.port);
  await router.untilReplicas('own', 1);
  await router.untilReplicas('spare', 1);
  const { status, headers } = await ask('own');
  expect([status, headers.get('x-fairlead-model')]).toEqual([200, 'spare']);
  await failing.stop();
});

test('when every fallback fails the answer is an error, and each was asked once', async () => {
  upstream.answer = ({ socket }) => socket.resetAndDestroy();
  putExternal('a', {});
  putExternal('b', {});
  router.putModel('own', {
    routing: { fallbacks: ['a', 'b', 'a'] },
    hold: { timeout: '0s' },
  });
  await router.untilReplicas('a', 1);
  await router.untilReplicas('b', 1);
  await router.untilReplicas('own', 0);
  expect((await ask('own')).status).toBe(502);
  expect(upstream.requests.map(({ body }) => JSON.parse(body.toString()).model)).toEqual([
    'a',
    'b',
  ]);
});

test('a fallback that does not offer the endpoint is not asked', async () => {
  router.putModel('embedder', { features: ['Embeddings'] });
  router.putPod('embedder', 'embedder-0', upstream.port);
  router.putModel('own', { routing: { fallbacks: ['embedder'] }, hold: { timeout: '0s' } });
  await router.untilReplicas('embedder', 1);
  await router.untilReplicas('own', 0);
  expect((await ask('own')).status).toBe(503);
  expect(upstream.requests).toEqual([]);
});

test('beyond maxInFlight requests go to a fallback, or get 429', async () => {
  const spare = await startUpstream((request) => sendJson(request, { spare: true }));
  upstream.answer = beginStream;
  putExternal('small', { maxInFlight: 1 });
  router.putModel('spare');
  router.putPod('spare', 'spare-0', spare.port);
  router.putModel('own', { routing: { fallbacks: ['small', 'spare'] } });
  await router.untilReplicas('small', 1);
  await router.untilReplicas('spare', 1);
  await router.untilReplicas('own', 0);
  const stopping = new AbortController();
  const held = await fetch(`${router.address}/v1/chat/completions`, {
    method: 'POST',
    body: '{"model":"small","stream":true}',
    signal: stopping.signal,
  });
  expect(held.status).toBe(200);
  const full = await ask('small');
  expect([full.status, full.json.error.code]).toEqual([429, 'rate_limit_exceeded']);
  expect(full.headers.get('retry-after')).toBe('1');
  expect((await ask('own')).json).toEqual({ spare: true });
  stopping.abort();
  upstream.answer = (request) => sendJson(request, { ok: true });
  await eventually('there is room again', async () => (await ask('small')).status === 200);
  await spare.stop();
});
