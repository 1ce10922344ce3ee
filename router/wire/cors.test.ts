import { afterEach, expect, test, vi } from 'vitest';
import { readOrigins } from '../cors.ts';
import { type ScriptedUpstream, sendJson, startUpstream } from '../testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from '../testing/test-router.ts';

// Waits have deadlines of their own; a busy machine may need longer than the default.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const page = 'https://chat.example';

let upstream: ScriptedUpstream;
let router: TestRouter;
async function start(origins: string): Promise<void> {
  upstream = await startUpstream((request) => sendJson(request, { ok: true }));
  router = await startTestRouter({ corsOrigins: readOrigins(origins) });
  router.putModel('m');
  router.putPod('m', 'm-0', upstream.port);
  await router.untilReplicas('m', 1);
}
afterEach(async () => {
  await router.stop();
  await upstream.stop();
});

const preflight = () =>
  fetch(`${router.address}/v1/chat/completions`, {
    method: 'OPTIONS',
    headers: {
      origin: page,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type,x-stainless-os',
    },
  });

const ask = (model: string) =>
  fetch(`${router.address}/v1/chat/completions`, {
    method: 'POST',
    headers: { origin: page },
    body: JSON.stringify({ model }),
  });

test('an allowed page may ask, and reads answers, errors and lists', async () => {
  await start(`https://other.example,${page}`);
  const { status, headers } = await preflight();
  expect(status).toBe(204);
  expect(headers.get('access-control-allow-origin')).toBe(page);
  expect(headers.get('access-control-allow-methods')).toBe('POST, OPTIONS');
  expect(headers.get('access-control-allow-headers')).toBe(
    'authorization,content-type,x-stainless-os',
  );
  const list = await fetch(`${router.address}/v1/models`, { headers: { origin: page } });
  for (const answer of [await ask('m'), await ask('unknown'), list]) {
    expect(answer.headers.get('access-control-allow-origin')).toBe(page);
    expect(answer.headers.get('vary')).toContain('Origin');
    expect(answer.headers.get('access-control-expose-headers')).toContain('x-request-id');
  }
});

test('without configuration no page may, whatever the engine says', async () => {
  await start('');
  upstream.answer = ({ socket }) =>
    socket.write(
      'HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nAccess-Control-Allow-Credentials: true\r\nContent-Length: 2\r\n\r\n{}',
    );
  const options = await preflight();
  expect([options.status, options.headers.get('allow')]).toEqual([204, 'POST, OPTIONS']);
  for (const answer of [options, await ask('m'), await ask('unknown')]) {
    expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual(
      [],
    );
  }
});

test('with * any page may, without its cookies', async () => {
  await start('*');
  for (const answer of [await preflight(), await ask('m')]) {
    expect(answer.headers.get('access-control-allow-origin')).toBe('*');
    expect(answer.headers.has('access-control-allow-credentials')).toBe(false);
  }
});
