import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../kube/testing/wait.ts';
import { demandPath } from '../protocol/demand.ts';
import { openRaw, parseAnswer, post } from './testing/raw-client.ts';
import { type ScriptedUpstream, sendJson, startUpstream } from './testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from './testing/test-router.ts';

let upstream: ScriptedUpstream;
let router: TestRouter;
beforeAll(async () => {
  upstream = await startUpstream((request) => sendJson(request, { ok: true }));
  router = await startTestRouter({ bodyLimitBytes: 10_000 });
  router.putModel('chatty');
  router.putPod('chatty', 'chatty-0', upstream.port);
  router.putModel('embedder', { servedName: 'org/embed', features: ['Embeddings'] });
  router.putPod('embedder', 'embedder-0', upstream.port);
  router.putModel('asleep', {
    hold: { timeout: '0s' },
    notReadyMessage: 'replica asleep-0: Insufficient example.com/gpu',
  });
  router.putPod('asleep', 'asleep-0', upstream.port, { ready: false });
  await router.untilReplicas('chatty', 1);
  await router.untilReplicas('org/embed', 1);
  await router.untilReplicas('asleep', 0);
});
afterAll(async () => {
  await router?.stop();
  await upstream?.stop();
});

const call = async (path: string, init?: RequestInit) => {
  const answer = await fetch(router.address + path, init);
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, text, json: text && JSON.parse(text) };
};
const ask = (path: string, body: string) => call(path, { method: 'POST', body });

test.each(['/v1', '/openai/v1', ''])('the endpoints work under the prefix "%s"', async (prefix) => {
  for (const [path, model] of [
    ['/chat/completions', 'chatty'],
    ['/completions', 'chatty'],
    ['/embeddings', 'org/embed'],
  ]) {
    const { status, json } = await ask(prefix + path, JSON.stringify({ model }));
    expect({ status, json }).toEqual({ status: 200, json: { ok: true } });
    expect(upstream.requests.at(-1)?.head).toMatch(new RegExp(`^POST /v1${path} HTTP/1.1\r\n`));
  }
});

test.each(['/metrics', '/healthz', '/readyz', demandPath])(
  'the internal port serves %s, the clients’ port does not',
  async (path) => {
    const leaving = new AbortController();
    const answer = await fetch(router.internalAddress + path, { signal: leaving.signal });
    leaving.abort();
    expect(answer.status).toBe(200);
    expect((await call(path)).status).toBe(404);
  },
);

describe('models', () => {
  test('every model is listed, those without a replica too', async () => {
    const { json } = await call('/v1/models');
    expect(json.object).toBe('list');
    expect(json.data).toEqual([
      expect.objectContaining({ id: 'asleep', object: 'model', owned_by: 'fairlead' }),
      expect.objectContaining({ id: 'chatty' }),
      expect.objectContaining({ id: 'org/embed' }),
    ]);
    expect(json.data.map((card: { fairlead: object }) => card.fairlead)).toEqual([
      expect.objectContaining({ state: 'starting', ready_replicas: 0 }),
      expect.objectContaining({ state: 'ready', ready_replicas: 1 }),
      expect.objectContaining({ features: ['Embeddings'] }),
    ]);
    expect(Math.abs(json.data[0].created - Date.now() / 1000)).toBeLessThan(60);
  });

  test.each(['/v1/models/org/embed', '/v1/models/org%2Fembed', '/models/org%2fembed?x=1'])(
    '%s is a card',
    async (path) => {
      const { status, json } = await call(path);
      expect(status).toBe(200);
      expect(json).toMatchObject({ id: 'org/embed', object: 'model' });
    },
  );

  test('HEAD is answered without a body', async () => {
    const { status, headers, text } = await call('/v1/models', { method: 'HEAD' });
    expect(status).toBe(200);
    expect(Number(headers.get('content-length'))).toBeGreaterThan(100);
    expect(text).toBe('');
  });

  test.each(['/v1/models/nope', '/v1/models/', '/v1/models/a%2Fb%20c'])(
    '%s is not found',
    async (path) => {
      const { status, json } = await call(path);
      expect(status).toBe(404);
      expect(json.error).toMatchObject({ code: 'model_not_found', param: 'model' });
    },
  );
});

describe('refusals, each in OpenAI’s shape', () => {
  const chat = '/v1/chat/completions';
  test.each([
    ['bad JSON', chat, '{"model":', 400, 'invalid_json', null],
    ['no body', chat, '', 400, 'invalid_json', null],
    ['a list', chat, '[]', 400, 'invalid_json', null],
    ['no model', chat, '{"messages":[]}', 400, 'model_required', 'model'],
    ['a number as model', chat, '{"model":1}', 400, 'model_required', 'model'],
    ['an unknown model', chat, '{"model":"chaty"}', 404, 'model_not_found', 'model'],
    ['a feature not offered', chat, '{"model":"org/embed"}', 400, 'feature_not_supported', 'model'],
    ['no ready replica', chat, '{"model":"asleep"}', 503, 'no_ready_replica', 'model'],
    ['a body too large', chat, `"${'x'.repeat(10_000)}"`, 413, 'body_too_large', null],
    ['an engine’s own path', '/slots', '{}', 404, 'not_found', null],
    ['a wrong method', '/v1/models', '{}', 405, 'method_not_allowed', null],
  ])('%s', async (_name, path, body, status, code, param) => {
    const before = upstream.requests.length;
    const answer = await ask(path, body);
    expect(answer.status).toBe(status);
    expect(answer.json).toEqual({
      error: { message: expect.any(String), type: expect.any(String), param, code },
    });
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(answer.headers.get('x-request-id')).toMatch(/^req_/);
    expect(upstream.requests.length).toBe(before);
  });

  test('an unknown model’s message names the nearest', async () => {
    expect((await ask(chat, '{"model":"chaty"}')).json.error.message).toContain('`chatty`');
  });

  test('a model that is not ready says why and is worth another try', async () => {
    const { headers, json } = await ask(chat, '{"model":"asleep"}');
    expect(json.error.message).toContain('Insufficient example.com/gpu');
    expect(headers.get('retry-after')).toBe('1');
    expect(headers.has('x-should-retry')).toBe(false);
  });

  test('405 and OPTIONS tell what is allowed', async () => {
    const wrong = await call(chat, { method: 'DELETE' });
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST, OPTIONS']);
    const options = await call(chat, { method: 'OPTIONS' });
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'POST, OPTIONS']);
    expect((await call(chat, { method: 'HEAD' })).status).toBe(405);
    expect((await call('/nope', { method: 'OPTIONS' })).status).toBe(404);
  });

  test('a compressed body', async () => {
    const { status, json } = await call(chat, {
      method: 'POST',
      body: '{"model":"chatty"}',
      headers: { 'content-encoding': 'gzip' },
    });
    expect([status, json.error.code]).toEqual([415, 'unsupported_encoding']);
  });

  test.each([
    ['a path with a broken escape', 'GET /v1/models/%zz HTTP/1.1\r\nHost: r\r\n\r\n', 400],
    ['what is not HTTP', 'hello\r\n\r\n', 400],
    ['headers without end', `GET / HTTP/1.1\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`, 431],
    [
      'two framings at once',
      'POST /v1/completions HTTP/1.1\r\nHost: r\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
  ])('%s', async (_name, bytes, status) => {
    const client = openRaw(router.address, bytes);
    await client.received(/\}\}$/);
    const { statusLine, body } = parseAnswer(client.text());
    expect(statusLine).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(JSON.parse(body).error).toMatchObject({ type: 'invalid_request_error', param: null });
    for (const line of router.logged) expect(line.duration_ms).toBeLessThan(5_000);
    client.socket.destroy();
  });
});

test('a body refused unread closes its connection, one read does not', async () => {
  const big = openRaw(router.address, post('/v1/chat/completions', 'x'.repeat(20_000)));
  await big.received(/"code":"body_too_large"/);
  expect(parseAnswer(big.text()).headers).toContain('connection: close');
  const read = openRaw(router.address, post('/v1/chat/completions', '{}'));
  await read.received(/"code":"model_required"/);
  read.socket.write(post('/v1/chat/completions', '{"model":"chatty"}'));
  await read.received(/\{"ok":true\}$/);
  big.socket.destroy();
  read.socket.destroy();
});

test('Expect: 100-continue is answered here and not sent on', async () => {
  const request = post('/v1/chat/completions', '{"model":"chatty"}', ['Expect: 100-continue']);
  const bodyAt = request.indexOf('\r\n\r\n') + 4;
  const client = openRaw(router.address, request.subarray(0, bodyAt));
  await client.received(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
  client.socket.write(request.subarray(bodyAt));
  await client.received(/\{"ok":true\}$/);
  expect(upstream.requests.at(-1)?.head).not.toMatch(/expect/i);
  client.socket.destroy();
});

test.each([
  ['mine-1', 'mine-1'],
  ['has spaces', /^req_/],
  ['x'.repeat(200), /^req_/],
])('x-request-id %s', async (sent, expected) => {
  const { headers } = await call('/v1/models', { headers: { 'x-request-id': sent } });
  expect(headers.get('x-request-id')).toMatch(expected);
});

test('a replica that can take no more is not asked while another can, whatever its prefix cache holds', async () => {
  const other = await startUpstream((request) => sendJson(request, { other: true }));
  router.putModel('slots', { maxConcurrency: 1 });
  router.putPod('slots', 'slots-0', upstream.port);
  await router.untilReplicas('slots', 1);
  const body = JSON.stringify({ model: 'slots', prompt: 'x'.repeat(8_000) });
  await ask('/v1/completions', body);
  const hold = upstream.answer;
  let held: (() => void) | undefined;
  upstream.answer = (request) => {
    held = () => sendJson(request, { held: true });
  };
  const first = ask('/v1/completions', body);
  await eventually('the first replica is full', () => held !== undefined);
  router.putPod('slots', 'slots-1', other.port);
  await router.untilReplicas('slots', 2);
  expect((await ask('/v1/completions', body)).json).toEqual({ other: true });
  held?.();
  expect((await first).json).toEqual({ held: true });
  upstream.answer = hold;
  await other.stop();
});

test('the busier replica waits while the other is asked', async () => {
  const other = await startUpstream((request) => sendJson(request, { other: true }));
  router.putModel('pair');
  router.putPod('pair', 'pair-0', upstream.port);
  router.putPod('pair', 'pair-1', other.port);
  await router.untilReplicas('pair', 2);
  const held: (() => void)[] = [];
  const hold = upstream.answer;
  upstream.answer = (request) => held.push(() => sendJson(request, { held: true }));
  const turns: Promise<{ json: object }>[] = [];
  await eventually('the first replica is busy', async () => {
    turns.push(ask('/v1/completions', '{"model":"pair"}'));
    await Promise.race([turns.at(-1), new Promise((resolve) => setTimeout(resolve, 50))]);
    return held.length > 0;
  });
  for (let turn = 0; turn < 10; turn++) {
    expect((await ask('/v1/completions', '{"model":"pair"}')).json).toEqual({ other: true });
  }
  for (const answer of held) answer();
  const answers = (await Promise.all(turns)).map(({ json }) => json);
  expect(answers).toContainEqual({ held: true });
  upstream.answer = hold;
  await other.stop();
});
