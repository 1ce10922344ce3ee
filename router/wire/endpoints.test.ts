import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { features } from '../../crds/modeldeployment/features.ts';
import { modelEndpoints } from '../openai/endpoints.ts';
import { pathsOf } from '../openai/paths.ts';
import { type ScriptedUpstream, sendJson, startUpstream } from '../testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from '../testing/test-router.ts';

// Waits have deadlines of their own; a busy machine may need longer than the default.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let upstream: ScriptedUpstream;
let router: TestRouter;
beforeAll(async () => {
  upstream = await startUpstream();
  router = await startTestRouter();
  router.putModel('all', { features: [...features] });
  router.putPod('all', 'all-0', upstream.port);
  router.putModel('none', { features: ['Speech'] });
  router.putPod('none', 'none-0', upstream.port);
  router.putModel('soundless', { features: ['Chat'] });
  await router.untilReplicas('all', 1);
  await router.untilReplicas('none', 1);
});
afterAll(async () => {
  await router?.stop();
  await upstream?.stop();
});

const inBody = modelEndpoints.filter(({ modelIn }) => modelIn !== 'response-id');

/** A body that names the model, in the endpoint's framing. */
function bodyOf(modelIn: string, model: string): string | FormData {
  if (modelIn === 'json') return JSON.stringify({ model });
  const form = new FormData();
  form.set('file', new Blob(['sound']), 'a.wav');
  form.set('model', model);
  return form;
}

test.each(inBody)('$method $path reaches the engine at its own path', async (endpoint) => {
  upstream.answer = (request) => sendJson(request, { ok: true });
  const { path, also, modelIn } = endpoint;
  for (const known of [path, ...(also ? [also] : [])].flatMap(pathsOf)) {
    const body = bodyOf(modelIn, 'all');
    const answer = await fetch(`${router.address}${known}?a=%20b`, { method: 'POST', body });
    expect([known, answer.status, await answer.json()]).toEqual([known, 200, { ok: true }]);
    const seen = upstream.requests.at(-1);
    expect(seen?.head.split('\r\n')[0]).toBe(`POST ${path}?a=%20b HTTP/1.1`);
    if (typeof body === 'string') expect(seen?.body.toString()).toBe(body);
  }
});

test.each(inBody)('$method $path is refused for a model without the feature', async (endpoint) => {
  const { path, modelIn } = endpoint;
  const model = endpoint.features.includes('Speech') ? 'soundless' : 'none';
  const before = upstream.requests.length;
  const body = bodyOf(modelIn, model);
  const answer = await fetch(router.address + path, { method: 'POST', body });
  expect(answer.status).toBe(400);
  const { error } = (await answer.json()) as { error: { message: string } };
  expect(error.message).toContain(
    `The model ${model} does not offer ${endpoint.features.join(' or ')}`,
  );
  expect(upstream.requests.length).toBe(before);
});

test('the feature that is missing has its own code', async () => {
  const body = JSON.stringify({ model: 'none' });
  const answer = await fetch(`${router.address}/v1/chat/completions`, { method: 'POST', body });
  expect(await answer.json()).toMatchObject({
    error: { code: 'feature_not_supported', param: 'model', type: 'invalid_request_error' },
  });
});

test('a binary answer passes byte for byte', async () => {
  const sound = randomBytes(300_000);
  upstream.answer = ({ socket }) => {
    socket.write(
      `HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nContent-Length: ${sound.length}\r\n\r\n`,
    );
    socket.write(sound);
  };
  const body = JSON.stringify({ model: 'none', input: 'hello' });
  const answer = await fetch(`${router.address}/v1/audio/speech`, { method: 'POST', body });
  expect(answer.headers.get('content-type')).toBe('audio/mpeg');
  expect(sound.equals(Buffer.from(await answer.arrayBuffer()))).toBe(true);
});

test('each operation has its own name in the metrics', async () => {
  const metrics = await router.metrics();
  for (const { operation } of inBody) {
    expect(metrics).toContain(`gen_ai_request_model="all",gen_ai_operation_name="${operation}"`);
  }
});

test.each(['/v1/realtime?model=all', '/realtime'])(
  '%s over WebSocket is a clear 404',
  async (path) => {
    const answer = await fetch(router.address + path);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({
      error: { code: 'not_found', message: expect.stringContaining('Realtime') },
    });
  },
);
