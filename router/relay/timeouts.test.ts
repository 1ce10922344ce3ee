import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import { startBlackHole } from '../testing/faulty-replicas.ts';
import { openRaw, parseAnswer, post } from '../testing/raw-client.ts';
import {
  beginStream,
  chunk,
  type ScriptedUpstream,
  sendJson,
  startUpstream,
} from '../testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from '../testing/test-router.ts';

let upstreams: [ScriptedUpstream, ScriptedUpstream, ScriptedUpstream];
let router: TestRouter;
let models = 0;
beforeAll(async () => {
  upstreams = await Promise.all([startUpstream(), startUpstream(), startUpstream()]);
  router = await startTestRouter();
});
beforeEach(() => {
  for (const upstream of upstreams) {
    upstream.requests.length = 0;
    upstream.answer = () => {};
  }
});
afterAll(() =>
  Promise.all([router?.stop(), ...(upstreams ?? []).map((upstream) => upstream.stop())]),
);

async function modelAt(timeouts: object, ...ports: number[]): Promise<string> {
  const model = `m${models++}`;
  router.putModel(model, { routing: { timeouts } });
  for (const [index, port] of ports.entries()) router.putPod(model, `${model}-${index}`, port);
  await router.untilReplicas(model, ports.length);
  return model;
}

/** Asks, and checks that it gets this error and the log its label. */
async function expectTimeout(model: string, code: string, label: string): Promise<void> {
  const startMs = performance.now();
  const answer = await fetch(`${router.address}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model }),
  });
  expect(answer.status).toBe(504);
  expect(answer.headers.get('x-should-retry')).toBe('false');
  expect(await answer.json()).toMatchObject({ error: { type: 'server_error', code } });
  expect(performance.now() - startMs).toBeGreaterThan(290);
  expect(router.logged.at(-1)).toMatchObject({ error_type: label, outcome: 'timeout' });
  expect(router.inFlight()).toBe(0);
}

test('no connection in time at any replica is 504 connect_timeout', async () => {
  const hole = await startBlackHole();
  const model = await modelAt({ connect: '300ms' }, hole.port);
  await expectTimeout(model, 'connect_timeout', 'timeout_connect');
  await hole.stop();
});

test('no first byte in time at two replicas is 504 first_byte_timeout; a third is not asked', async () => {
  const model = await modelAt({ firstByte: '300ms' }, ...upstreams.map(({ port }) => port));
  await expectTimeout(model, 'first_byte_timeout', 'timeout_headers');
  expect(upstreams.map(({ requests }) => requests.length).sort()).toEqual([0, 1, 1]);
  await eventually('the engines’ connections are closed', () =>
    upstreams.every(({ connections }) => connections === 0),
  );
});

test('a request that takes longer than its model allows is 504 total_timeout', async () => {
  const [only] = upstreams;
  const model = await modelAt({ total: '300ms' }, only.port);
  await expectTimeout(model, 'total_timeout', 'timeout_total');
  await eventually('the engine’s connection is closed', () => only.connections === 0);
});

test.each([
  ['idle', 'idle_timeout', 'timeout_idle'],
  ['total', 'total_timeout', 'timeout_total'],
])('a stream beyond its %s time is cut off with an error event', async (limit, code, label) => {
  const [only] = upstreams;
  const model = await modelAt({ [limit]: '300ms' }, only.port);
  only.answer = (request) => {
    beginStream(request);
    request.socket.write(chunk('data: {"a":1}\n\n'));
  };
  const body = JSON.stringify({ model, stream: true });
  const client = openRaw(router.address, post('/v1/chat/completions', body));
  await client.closed();
  const answer = parseAnswer(client.text());
  expect(answer.complete).toBe(false);
  expect(answer.body).toMatch(
    new RegExp(`^data: \\{"a":1\\}\n\ndata: \\{"error":\\{.*"code":"${code}"\\}\\}\n\n$`),
  );
  await eventually('it is logged', () => router.logged.at(-1)?.error_type === label);
  expect(router.inFlight()).toBe(0);
  await eventually('the engine’s connection is closed', () => only.connections === 0);
});

test('bytes that keep coming are no silence, and a client that reads slowly is none either', async () => {
  const [only] = upstreams;
  const model = await modelAt({ idle: '400ms' }, only.port);
  const blocks = 64;
  const block = Buffer.alloc(256 * 1024, 0x61);
  only.answer = ({ socket }) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${blocks * block.length}\r\n\r\n`);
    for (let count = 0; count < blocks; count++) socket.write(block);
  };
  const client = openRaw(router.address, post('/v1/chat/completions', JSON.stringify({ model })));
  client.socket.pause();
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  client.socket.resume();
  await eventually('all of it has come', () => client.socket.bytesRead > blocks * block.length);
  client.socket.destroy();
});

test('a reply in time meets no deadline', async () => {
  const [only] = upstreams;
  const all = { connect: '10s', firstByte: '10s', idle: '10s', total: '10s' };
  const model = await modelAt(all, only.port);
  only.answer = (request) => sendJson(request, { ok: true });
  const answer = await fetch(`${router.address}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model }),
  });
  expect(await answer.json()).toEqual({ ok: true });
});
