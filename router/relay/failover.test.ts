import { createServer } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import {
  beginStream,
  chunk,
  type ScriptedUpstream,
  sendJson,
  startUpstream,
  type UpstreamRequest,
} from '../testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from '../testing/test-router.ts';

// Waits have deadlines of their own; a busy machine may need longer than the default.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

let broken: ScriptedUpstream;
let good: ScriptedUpstream;
let router: TestRouter;
let models = 0;
beforeAll(async () => {
  [broken, good, router] = await Promise.all([startUpstream(), startUpstream(), startTestRouter()]);
});
beforeEach(() => {
  good.answer = (request) => sendJson(request, { from: 'good' });
});
afterAll(() => Promise.all([router?.stop(), broken?.stop(), good?.stop()]));

/** A model of its own with one pod at each port, so that no test sees another's connections. */
async function modelAt(...ports: number[]): Promise<string> {
  const model = `m${models++}`;
  router.putModel(model);
  for (const [index, port] of ports.entries()) router.putPod(model, `${model}-${index}`, port);
  await router.untilReplicas(model, ports.length);
  return model;
}

const ask = (model: string, stream = false): Promise<Response> =>
  fetch(`${router.address}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model, stream }),
  });

/** Asks until the broken replica was chosen first once; every answer must be the good one’s. */
async function askUntilBrokenWasTried(model: string): Promise<void> {
  const before = broken.requests.length;
  await eventually('the broken replica was tried', async () => {
    const answer = await ask(model);
    expect({ status: answer.status, body: await answer.json() }).toEqual({
      status: 200,
      body: { from: 'good' },
    });
    return broken.requests.length > before;
  });
}

test.each<[string, (request: UpstreamRequest) => void]>([
  ['is reset before its first byte', ({ socket }) => void socket.resetAndDestroy()],
  ['is closed before its first byte', ({ socket }) => void socket.destroy()],
  [
    'is reset within its head',
    ({ socket }) => void socket.write('HTTP/1.1 200 O', () => socket.resetAndDestroy()),
  ],
  ['is not HTTP', ({ socket }) => void socket.write('garbage garbage garbage\r\n\r\n')],
  ['is 502', (request) => sendJson(request, { error: {} }, 502)],
  ['is 503', (request) => sendJson(request, { error: {} }, 503)],
  ['is 504', (request) => sendJson(request, { error: {} }, 504)],
])('an answer that %s is asked of another replica', async (_name, answer) => {
  broken.answer = answer;
  const model = await modelAt(broken.port, good.port);
  await askUntilBrokenWasTried(model);
  expect(await router.metrics()).toContain(
    `fairlead_retries_total{gen_ai_request_model="${model}",`,
  );
  expect(router.inFlight()).toBe(0);
});

test('a refused connection is asked of another replica', async () => {
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
  const address = closed.address();
  await new Promise((resolve) => closed.close(resolve));
  const model = await modelAt(typeof address === 'object' ? (address?.port ?? 0) : 0, good.port);
  for (let turn = 0; turn < 20; turn++) expect((await ask(model)).status).toBe(200);
  expect(await router.metrics()).toMatch(
    new RegExp(
      `fairlead_retries_total\\{gen_ai_request_model="${model}",reason="connection_error"\\} \\d`,
    ),
  );
});

test.each([429, 400, 500])('an engine’s %i is the answer', async (status) => {
  const error = { message: 'no', type: 'some_error', param: null, code: null };
  broken.answer = (request) => sendJson(request, { error }, status);
  const answer = await ask(await modelAt(broken.port, broken.port));
  expect(answer.status).toBe(status);
  expect(await answer.json()).toEqual({ error });
});

test('no replica is asked twice and no more than two others are', async () => {
  const upstreams = await Promise.all(
    Array.from({ length: 4 }, () => startUpstream(({ socket }) => void socket.resetAndDestroy())),
  );
  const answer = await ask(await modelAt(...upstreams.map(({ port }) => port)));
  expect(answer.status).toBe(502);
  expect(answer.headers.get('x-should-retry')).toBe('false');
  expect(await answer.json()).toMatchObject({
    error: { type: 'server_error', param: null, code: 'replica_failed' },
  });
  expect(upstreams.map(({ requests }) => requests.length).sort()).toEqual([0, 1, 1, 1]);
  expect(router.inFlight()).toBe(0);
  await Promise.all(upstreams.map((upstream) => upstream.stop()));
});

test('the last replica’s own 503 is passed on', async () => {
  const error = { message: 'loading', type: 'unavailable', param: null, code: null };
  broken.answer = (request) => sendJson(request, { error }, 503);
  const answer = await ask(await modelAt(broken.port));
  expect(answer.status).toBe(503);
  expect(answer.headers.get('x-should-retry')).toBe('false');
  expect(await answer.json()).toEqual({ error });
});

test('nothing is retried once the first byte went to the client', async () => {
  const model = await modelAt(broken.port, broken.port);
  broken.answer = (request) => {
    beginStream(request);
    request.socket.write(chunk('data: 1\n\n'));
    setTimeout(() => request.socket.resetAndDestroy(), 20);
  };
  const before = broken.requests.length;
  await expect(ask(model, true).then((answer) => answer.text())).rejects.toThrow();
  expect(broken.requests.length).toBe(before + 1);
});

test('an idle connection that the engine closes under a request is no failure', async () => {
  const model = await modelAt(broken.port);
  // Like an engine that closes an idle connection in the moment in which a request is on its way.
  broken.answer = (request) => {
    if (request.indexOnSocket > 0) request.socket.resetAndDestroy();
    else sendJson(request, { onSocket: request.indexOnSocket });
  };
  for (let turn = 0; turn < 5; turn++) {
    const answer = await ask(model);
    expect(await answer.json()).toEqual({ onSocket: 0 });
  }
  expect(await router.metrics()).toContain(
    `fairlead_retries_total{gen_ai_request_model="${model}",reason="idle_connection"}`,
  );
});

test('a connection is not kept idle as long as engines do', async () => {
  const quiet = await startUpstream();
  const model = await modelAt(quiet.port);
  await ask(model);
  expect(quiet.connections).toBe(1);
  const startMs = performance.now();
  await eventually('the router closes the idle connection', () => quiet.connections === 0, 6_000);
  expect(performance.now() - startMs).toBeGreaterThan(2_000);
  expect(performance.now() - startMs).toBeLessThan(4_900);
  await quiet.stop();
});
