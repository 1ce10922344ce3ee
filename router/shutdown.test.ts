import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { tempFolder } from '../kube/testing/temp-folder.ts';
import { eventually } from '../kube/testing/wait.ts';
import { openRaw, parseAnswer, post } from './testing/raw-client.ts';
import {
  beginStream,
  chunk,
  type ScriptedUpstream,
  sendJson,
  startUpstream,
  type UpstreamRequest,
} from './testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from './testing/test-router.ts';

// Waits have deadlines of their own; a busy machine may need longer than the default.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 30_000 });

let upstream: ScriptedUpstream;
let router: TestRouter | undefined;
beforeEach(async () => {
  upstream = await startUpstream();
});
afterEach(async () => {
  await router?.stop();
  router = undefined;
  await upstream.stop();
});

const stream = post('/v1/chat/completions', '{"model":"m","stream":true}');

/** A router with a model and a stream that its engine has begun. */
async function withOpenStream(overrides: Parameters<typeof startTestRouter>[0]) {
  const started = await startTestRouter(overrides);
  router = started;
  started.putModel('m');
  started.putPod('m', 'm-0', upstream.port);
  await started.untilReplicas('m', 1);
  let engine: UpstreamRequest | undefined;
  upstream.answer = (request) => {
    engine = request;
    beginStream(request);
    request.socket.write(chunk('data: 1\n\n'));
  };
  const client = openRaw(started.address, stream);
  await client.received(/data: 1\n\n/);
  if (!engine) throw new Error('the engine has no request');
  return { router: started, client, engine };
}

test('in its lame-duck time a router is not ready, serves on, and sends clients elsewhere', async () => {
  const { router, engine } = await withOpenStream({ lameDuckMs: 3_000 });
  upstream.answer = (request) => sendJson(request, { ok: true });
  const ended = router.shutdown();
  expect((await fetch(`${router.internalAddress}/readyz`)).status).toBe(503);
  expect((await fetch(`${router.internalAddress}/healthz`)).status).toBe(200);
  const late = openRaw(router.address, post('/v1/completions', '{"model":"m"}'));
  await late.received(/\{"ok":true\}$/);
  expect(parseAnswer(late.text()).headers).toContain('Connection: close');
  engine.socket.write(Buffer.concat([chunk('data: [DONE]\n\n'), chunk('')]));
  await ended;
});

test('an open stream is finished, then nobody is served any more and the end is at once', async () => {
  const { router, client, engine } = await withOpenStream({ drainTimeoutMs: 60_000 });
  let over = false;
  const ended = router.shutdown().then(() => {
    over = true;
  });
  await eventually('no new connections', () =>
    fetch(router.address).then(
      () => false,
      () => true,
    ),
  );
  expect(over).toBe(false);
  engine.socket.write(Buffer.concat([chunk('data: [DONE]\n\n'), chunk('')]));
  await ended;
  expect(parseAnswer(client.text())).toMatchObject({
    body: 'data: 1\n\ndata: [DONE]\n\n',
    complete: true,
  });
});

test('a stream that takes longer than the drain timeout is cut off, never cleanly', async () => {
  const { router, client } = await withOpenStream({ drainTimeoutMs: 100 });
  await router.shutdown();
  await client.closed();
  expect(parseAnswer(client.text()).complete).toBe(false);
  expect(router.inFlight()).toBe(0);
});

test('idle connections do not hold up the end', async () => {
  const { router, engine } = await withOpenStream({ drainTimeoutMs: 60_000 });
  const idle = openRaw(router.address, 'GET /v1/models HTTP/1.1\r\nHost: r\r\n\r\n');
  await idle.received(/"object":"list"/);
  engine.socket.write(Buffer.concat([chunk('data: [DONE]\n\n'), chunk('')]));
  const startMs = performance.now();
  await router.shutdown();
  // A client keeps a connection for 75 s.
  expect(performance.now() - startMs).toBeLessThan(60_000);
});

/** Starting a program takes seconds on a busy machine. */
const startTimeoutMs = 90_000;

async function runMain(server: string, env: Record<string, string>): Promise<ChildProcess> {
  const kubeconfig = join(tempFolder(), 'kubeconfig');
  const named = (name: string, value: object) => [{ name, ...value }];
  await writeFile(
    kubeconfig,
    JSON.stringify({
      'current-context': 'c',
      clusters: named('c', { cluster: { server } }),
      users: named('u', { user: {} }),
      contexts: named('c', { context: { cluster: 'c', user: 'u' } }),
    }),
  );
  const main = new URL('./main.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [main], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      KUBECONFIG: kubeconfig,
      FAIRLEAD_HOST: '127.0.0.1',
      FAIRLEAD_PORT: '0',
      FAIRLEAD_INTERNAL_PORT: '0',
      FAIRLEAD_LAME_DUCK_MS: '0',
      ...env,
    },
  });
  return child;
}

test('the program ends with 0 within seconds of SIGTERM, though its collector is dead', async () => {
  router = await startTestRouter();
  // Listens to everything and never answers.
  const deadCollector = createServer((socket) => void socket.on('error', () => {}).resume());
  await new Promise<void>((resolve) => deadCollector.listen(0, '127.0.0.1', resolve));
  const address = deadCollector.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const child = await runMain(router.api.url, {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    OTEL_TRACES_SAMPLER: 'always_on',
    // How long the SDK alone would wait for it.
    OTEL_EXPORTER_OTLP_TIMEOUT: '120000',
    OTEL_BSP_EXPORT_TIMEOUT: '120000',
  });
  let output = '';
  child.stdout?.on('data', (text) => {
    output += text;
  });
  const line = await eventually(
    'it listens and is ready',
    () => output.includes('"msg":"ready"') && /\{.*"msg":"listening"\}/.exec(output)?.[0],
    startTimeoutMs,
  );
  await fetch(`${JSON.parse(line).address}/v1/models`);
  const startMs = performance.now();
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  expect(code).toBe(0);
  expect(performance.now() - startMs).toBeLessThan(60_000);
  expect(output).toContain('"route":"/v1/models"');
  expect(output).toContain('"msg":"stopped"');
  await new Promise((resolve) => deadCollector.close(resolve));
});

test('a wrong variable ends the program with 1 and its name', async () => {
  const child = await runMain('http://127.0.0.1:1', { FAIRLEAD_LAME_DUCK_MS: 'long' });
  let output = '';
  child.stderr?.on('data', (text) => {
    output += text;
  });
  const [code] = await once(child, 'exit');
  expect(code).toBe(1);
  expect(output).toMatch(/^fairlead-router: .*FAIRLEAD_LAME_DUCK_MS/);
});
