import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { closedPort, faults, startBlackHole } from '../testing/faulty-replicas.ts';
import {
  beginStream,
  chunk,
  type ScriptedUpstream,
  sendJson,
  startUpstream,
  type UpstreamRequest,
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
    upstream.answer = (request) => sendJson(request, { good: true });
  }
});
afterAll(() =>
  Promise.all([router?.stop(), ...(upstreams ?? []).map((upstream) => upstream.stop())]),
);

/** A model of its own with one pod at each port, so that no test sees another's connections. */
async function modelAt(ports: number[], timeouts: object = {}): Promise<string> {
  const model = `m${models++}`;
  router.putModel(model, { routing: { policy: 'RoundRobin', timeouts } });
  for (const [index, port] of ports.entries()) router.putPod(model, `${model}-${index}`, port);
  await router.untilReplicas(model, ports.length);
  return model;
}

let asked = 0;
const ask = (model: string, stream = false): Promise<Response> =>
  fetch(`${router.address}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'x-request-id': `ask-${asked++}` },
    body: JSON.stringify({ model, stream }),
  });

/** Asks often enough for each of three replicas to come first, and sees nothing but good answers. */
async function askAndSeeNothing(model: string): Promise<void> {
  for (let turn = 0; turn < 4; turn++) {
    const answers = await Promise.all([ask(model), ask(model), ask(model)]);
    for (const answer of answers) {
      const seen = { status: answer.status, body: await answer.json() };
      expect(seen).toEqual({ status: 200, body: { good: true } });
    }
  }
  expect(router.inFlight()).toBe(0);
  expect(await router.metrics()).toContain(
    `fairlead_retries_total{gen_ai_request_model="${model}",`,
  );
}

const idOf = ({ head }: UpstreamRequest) => /x-request-id: (.*)/.exec(head)?.[1];

test.each(Object.entries(faults))(
  'of three replicas one’s answer %s: clients see nothing, and it is not asked twice for a request',
  async (_name, fault) => {
    const [broken] = upstreams;
    broken.answer = fault;
    await askAndSeeNothing(await modelAt(upstreams.map(({ port }) => port)));
    const ids = broken.requests.map(idOf);
    expect(ids.length).toBeGreaterThan(0);
    expect(new Set(ids).size).toBe(ids.length);
  },
);

test('of three replicas one refuses connections: clients see nothing', async () => {
  const [, second, third] = upstreams;
  await askAndSeeNothing(await modelAt([await closedPort(), second.port, third.port]));
});

test('of three replicas one is a black hole: clients see nothing', async () => {
  const [, second, third] = upstreams;
  const hole = await startBlackHole();
  await askAndSeeNothing(await modelAt([hole.port, second.port, third.port], { connect: '200ms' }));
  await hole.stop();
});

test('of three replicas one never begins its answer: clients see nothing', async () => {
  const [silent] = upstreams;
  silent.answer = () => {};
  const ports = upstreams.map(({ port }) => port);
  // Long enough for the good ones on a busy machine.
  await askAndSeeNothing(await modelAt(ports, { firstByte: '2s' }));
});

test('of three replicas one is slow to begin: its answer is the answer, nobody else is asked', async () => {
  const [slow, second, third] = upstreams;
  const ports = upstreams.map(({ port }) => port);
  slow.answer = (request) => setTimeout(() => sendJson(request, { good: 'late' }), 500);
  const model = await modelAt(ports);
  const answers = await Promise.all(
    Array.from({ length: 3 }, () => ask(model).then((answer) => answer.json())),
  );
  expect(answers).toContainEqual({ good: 'late' });
  expect([slow, second, third].flatMap(({ requests }) => requests)).toHaveLength(3);
});

test.each([429, 400, 500, 501])('an engine’s %i is the answer, asked once', async (status) => {
  const error = { message: 'no', type: 'some_error', param: null, code: null };
  for (const upstream of upstreams) {
    upstream.answer = (request) => sendJson(request, { error }, status);
  }
  const answer = await ask(await modelAt(upstreams.map(({ port }) => port)));
  expect(answer.status).toBe(status);
  expect(answer.headers.get('x-should-retry')).toBeNull();
  expect(await answer.json()).toEqual({ error });
  expect(upstreams.flatMap(({ requests }) => requests)).toHaveLength(1);
});

test('the last replica’s own 503 is passed on, and SDKs need not try again', async () => {
  const [loading] = upstreams;
  const error = { message: 'loading', type: 'unavailable', param: null, code: null };
  loading.answer = (request) => sendJson(request, { error }, 503);
  const answer = await ask(await modelAt([loading.port]));
  expect(answer.status).toBe(503);
  expect(answer.headers.get('x-should-retry')).toBe('false');
  expect(await answer.json()).toEqual({ error });
});

test('nothing is retried once the first byte went to the client', async () => {
  for (const upstream of upstreams) {
    upstream.answer = (request) => {
      beginStream(request);
      request.socket.write(chunk('data: 1\n\n'));
      setTimeout(() => request.socket.resetAndDestroy(), 20);
    };
  }
  const model = await modelAt(upstreams.map(({ port }) => port));
  await expect(ask(model, true).then((answer) => answer.text())).rejects.toThrow();
  expect(upstreams.flatMap(({ requests }) => requests)).toHaveLength(1);
});

test('when all fail the client gets one error, from as many replicas as retries allow', async () => {
  for (const upstream of upstreams) upstream.answer = ({ socket }) => void socket.resetAndDestroy();
  const fourth = await startUpstream(({ socket }) => void socket.resetAndDestroy());
  const answer = await ask(await modelAt([...upstreams.map(({ port }) => port), fourth.port]));
  expect(answer.status).toBe(502);
  expect(answer.headers.get('x-should-retry')).toBe('false');
  expect(await answer.json()).toMatchObject({
    error: { type: 'server_error', param: null, code: 'replica_failed' },
  });
  const counts = [...upstreams, fourth].map(({ requests }) => requests.length);
  expect(counts.sort()).toEqual([0, 1, 1, 1]);
  expect(router.inFlight()).toBe(0);
  await fourth.stop();
});
