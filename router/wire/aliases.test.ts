import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type ScriptedUpstream, sendJson, startUpstream } from '../testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from '../testing/test-router.ts';

// Waits have deadlines of their own; a busy machine may need longer than the default.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let upstream: ScriptedUpstream;
let router: TestRouter;
beforeAll(async () => {
  upstream = await startUpstream((request) => sendJson(request, { ok: true }));
  router = await startTestRouter();
  router.putModel('skiff', {
    servedName: 'org/skiff',
    aliases: ['gpt-4o-mini', 'großes/Modell'],
    adapters: ['law'],
    features: ['Chat', 'Transcription'],
  });
  const loaded = { container: 'skiff-0-c1', names: ['law'] };
  router.putPod('skiff', 'skiff-0', upstream.port, {
    annotations: { 'fairlead.dev/loaded-adapters': JSON.stringify(loaded) },
  });
  router.putModel('asleep', { aliases: ['dormant'], hold: { timeout: '0s' } });
  await router.untilReplicas('org/skiff', 1);
  await router.untilReplicas('dormant', 0);
});
afterAll(async () => {
  await router?.stop();
  await upstream?.stop();
});

const ask = (path: string, body: string | FormData) =>
  fetch(router.address + path, { method: 'POST', body });

test('an engine is asked by the name it knows, and every other byte stays', async () => {
  const before =
    '{ "seed":12345678901234567890, "model" : "gpt-4o-mini","x":{"model":"gpt-4o-mini"} }';
  expect((await ask('/v1/chat/completions', before)).status).toBe(200);
  const seen = upstream.requests.at(-1);
  expect(seen?.body.toString()).toBe(before.replace('"gpt-4o-mini"', '"org/skiff"'));
  expect(seen?.head).toMatch(new RegExp(`^content-length: ${seen?.body.length}$`, 'im'));
});

test('in multipart as well, and with an alias of another length and script', async () => {
  const form = new FormData();
  form.set('file', new Blob(['großes/Modell']), 'a.wav');
  form.set('model', 'großes/Modell');
  expect((await ask('/v1/audio/transcriptions', form)).status).toBe(200);
  const seen = upstream.requests.at(-1);
  const contentType = /^content-type: (.*)$/im.exec(seen?.head ?? '')?.[1] ?? '';
  const headers = { 'content-type': contentType };
  const body = await new Response(seen?.body, { headers }).formData();
  expect(body.get('model')).toBe('org/skiff');
  expect(await (body.get('file') as File).text()).toBe('großes/Modell');
});

test('an adapter is asked by its own name, and only where there is one', async () => {
  const body = '{"model":"org/skiff:law"}';
  expect((await ask('/v1/chat/completions', body)).status).toBe(200);
  expect(upstream.requests.at(-1)?.body.toString()).toBe(body);
  expect((await ask('/v1/chat/completions', '{"model":"org/skiff:tax"}')).status).toBe(404);
});

test('an adapter is asked only at replicas whose running engines have it', async () => {
  const other = await startUpstream((request) => sendJson(request, { other: true }));
  const restarted = { container: 'many-2-c0', names: ['law'] };
  const loaded = { container: 'many-1-c1', names: ['law'] };
  const annotation = (of: object) => ({ 'fairlead.dev/loaded-adapters': JSON.stringify(of) });
  router.putModel('many', { adapters: ['law', 'med'] });
  router.putPod('many', 'many-0', upstream.port);
  router.putPod('many', 'many-1', other.port, { annotations: annotation(loaded) });
  router.putPod('many', 'many-2', upstream.port, { annotations: annotation(restarted) });
  await router.untilReplicas('many', 3);
  for (let times = 0; times < 10; times++) {
    const answer = await ask('/v1/chat/completions', '{"model":"many:law"}');
    expect(await answer.json()).toEqual({ other: true });
  }
  await other.stop();
});

test('an adapter that no replica has at present is refused by its name', async () => {
  router.putModel('bare', { adapters: ['law'] });
  router.putPod('bare', 'bare-0', upstream.port);
  await router.untilReplicas('bare', 1);
  const answer = await ask('/v1/chat/completions', '{"model":"bare:law"}');
  expect(answer.status).toBe(503);
  const { error } = (await answer.json()) as { error: { message: string } };
  expect(error.message).toBe('No replica of the model bare has its adapter law at present.');
});

test('every name is listed, a model at zero too, with the one it stands for', async () => {
  const { data } = (await (await fetch(`${router.address}/v1/models`)).json()) as {
    data: { id: string; root: string; parent: unknown; fairlead: object }[];
  };
  expect(data.map(({ id, root, parent }) => [id, root, parent])).toEqual([
    ['asleep', 'asleep', null],
    ['bare', 'bare', null],
    ['bare:law', 'bare', 'bare'],
    ['dormant', 'asleep', null],
    ['gpt-4o-mini', 'org/skiff', null],
    ['großes/Modell', 'org/skiff', null],
    ['many', 'many', null],
    ['many:law', 'many', 'many'],
    ['many:med', 'many', 'many'],
    ['org/skiff', 'org/skiff', null],
    ['org/skiff:law', 'org/skiff', 'org/skiff'],
  ]);
  expect(data.find(({ id }) => id === 'dormant')?.fairlead).toMatchObject({
    ready_replicas: 0,
    state: 'not_ready',
  });
});

test.each([
  '/v1/models/gro%C3%9Fes/Modell',
  '/models/gro%c3%9fes%2FModell',
  '/openai/v1/models/gpt-4o-mini',
])('%s is a card', async (path) => {
  const answer = await fetch(router.address + path);
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({ root: 'org/skiff', owned_by: 'fairlead' });
});

test('a name that is nearly an alias is told the alias', async () => {
  const answer = await ask('/v1/chat/completions', '{"model":"gpt-4-mini"}');
  expect(await answer.json()).toMatchObject({
    error: { message: expect.stringContaining('`gpt-4o-mini`') },
  });
});

test('metrics carry the model’s own name, whichever the client used', async () => {
  await ask('/v1/chat/completions', '{"model":"gpt-4o-mini"}');
  const metrics = await router.metrics();
  expect(metrics).toContain(
    'gen_ai_request_model="org/skiff",gen_ai_operation_name="chat",code="200"',
  );
  expect(metrics).not.toContain('gpt-4o-mini');
});
