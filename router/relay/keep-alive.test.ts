import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import { type ScriptedUpstream, sendJson, startUpstream } from '../testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from '../testing/test-router.ts';

// Waits have deadlines of their own; a busy machine may need longer than the default.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 30_000 });

let upstream: ScriptedUpstream;
let router: TestRouter;
let models = 0;
beforeAll(async () => {
  [upstream, router] = await Promise.all([startUpstream(), startTestRouter()]);
});
afterAll(() => Promise.all([router?.stop(), upstream?.stop()]));

async function modelAt(port: number): Promise<string> {
  const model = `m${models++}`;
  router.putModel(model);
  router.putPod(model, `${model}-0`, port);
  await router.untilReplicas(model, 1);
  return model;
}

const ask = (model: string): Promise<Response> =>
  fetch(`${router.address}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model }),
  });

test('an idle connection that the engine closes under a request is no failure', async () => {
  const model = await modelAt(upstream.port);
  // Like an engine that closes an idle connection in the moment in which a request is on its way.
  upstream.answer = (request) => {
    if (request.indexOnSocket > 0) request.socket.resetAndDestroy();
    else sendJson(request, { onSocket: request.indexOnSocket });
  };
  for (let turn = 0; turn < 10; turn++) {
    const answer = await ask(model);
    expect(await answer.json()).toEqual({ onSocket: 0 });
  }
  const metrics = await router.metrics();
  expect(metrics).toMatch(
    new RegExp(
      `fairlead_retries_total\\{gen_ai_request_model="${model}",reason="idle_connection"\\} \\d`,
    ),
  );
  expect(metrics).not.toContain('fairlead_ejections_total{');
});

test('a reused connection that breaks in the middle of a head is a failure of the replica', async () => {
  const model = await modelAt(upstream.port);
  upstream.answer = (request) => {
    if (request.indexOnSocket === 0) sendJson(request, {});
    else request.socket.write('HTTP/1.1 2', () => request.socket.resetAndDestroy());
  };
  await ask(model);
  await eventually('a reused connection was asked', async () => (await ask(model)).status === 502);
});

test('20 idle connections that engines close after 5 s meet requests at 4.9 to 5.2 s: no 502', async () => {
  const engines = await Promise.all(
    Array.from({ length: 20 }, () =>
      startUpstream((request) => {
        sendJson(request, { ok: true });
        const { socket } = request;
        socket.setTimeout(5_000, () => socket.end());
      }),
    ),
  );
  const races = engines.map(async ({ port }, index) => {
    const model = await modelAt(port);
    expect((await ask(model)).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 4_900 + index * 15));
    const answer = await ask(model);
    expect([answer.status, await answer.json()]).toEqual([200, { ok: true }]);
  });
  await Promise.all(races);
  await Promise.all(engines.map((engine) => engine.stop()));
});

test('a connection is not kept idle as long as engines do', async () => {
  const quiet = await startUpstream();
  const model = await modelAt(quiet.port);
  await ask(model);
  expect(quiet.connections).toBe(1);
  const startMs = performance.now();
  await eventually('the router closes the idle connection', () => quiet.connections === 0);
  expect(performance.now() - startMs).toBeGreaterThan(2_000);
  await quiet.stop();
});

test('the last used connection is used first, and a burst’s connections go', async () => {
  const busy = await startUpstream();
  const model = await modelAt(busy.port);
  await Promise.all(Array.from({ length: 8 }, () => ask(model)));
  const afterBurst = busy.accepted;
  for (let turn = 0; turn < 20; turn++) await ask(model);
  expect(busy.accepted).toBe(afterBurst);
  await busy.stop();
});
