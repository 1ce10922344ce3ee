import OpenAI from 'openai';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import { ask } from '../testing/held.ts';
import { parseAnswer, type RawClient } from '../testing/raw-client.ts';
import {
  beginStream,
  chunk,
  type ScriptedUpstream,
  sendJson,
  startUpstream,
  type UpstreamRequest,
} from '../testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from '../testing/test-router.ts';

let upstream: ScriptedUpstream;
let router: TestRouter;

beforeEach(async () => {
  upstream = await startUpstream();
  router = await startTestRouter();
});
afterEach(async () => {
  await router.stop();
  await upstream.stop();
});

async function putModel(timeout?: string): Promise<void> {
  router.putModel('m', timeout === undefined ? {} : { hold: { timeout } });
  await router.untilReplicas('m', 0);
}

const hold = (path?: string) =>
  ask(router, { model: 'm', mark: 'a', stream: true }, path === undefined ? {} : { path });

const waiting = (client: RawClient) => client.received(/^HTTP.*: waiting for a replica of m\n\n/s);

function stream(request: UpstreamRequest): void {
  beginStream(request);
  const delta = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm' };
  const choice = { index: 0, delta: { content: 'hello' }, finish_reason: 'stop' };
  request.socket.write(
    Buffer.concat([
      chunk(`data: ${JSON.stringify({ ...delta, choices: [choice] })}\n\n`),
      chunk('data: [DONE]\n\n'),
      chunk(''),
    ]),
  );
}

test('a stream’s client has the head and a comment after a second, then the answer', async () => {
  await putModel();
  const client = await hold();
  const head = await waiting(client);
  expect(head).toMatch(/^HTTP\/1.1 200 OK\r\n/);
  expect(head).toMatch(/^content-type: text\/event-stream/im);
  expect(head).toMatch(/^x-accel-buffering: no/im);
  expect(head).toMatch(/^x-request-id: ./im);
  upstream.answer = stream;
  router.putPod('m', 'm-0', upstream.port);
  await client.received(/0\r\n\r\n$/);
  const { body, complete } = parseAnswer(client.text());
  expect(complete).toBe(true);
  expect(body).toMatch(/^: waiting [^\n]+\n\ndata: \{.*"hello".*\}\n\ndata: \[DONE\]\n\n$/);
});

test('who wants no stream waits without a byte', async () => {
  await putModel();
  const other = await ask(router, { model: 'm', mark: 'b' });
  const client = await hold();
  await waiting(client);
  expect(other.text()).toBe('');
  upstream.answer = (request) => sendJson(request, { ok: true });
  client.socket.destroy();
  router.putPod('m', 'm-0', upstream.port);
  expect(await other.received(/^HTTP.*\}$/s)).toMatch(/^HTTP\/1.1 200 OK\r\n.*\{"ok":true\}$/s);
});

test('undici and the SDK of OpenAI read a held stream as any other', async () => {
  await putModel();
  const client = new OpenAI({ baseURL: `${router.address}/v1`, apiKey: 'none', maxRetries: 0 });
  const messages = [{ role: 'user' as const, content: 'hello' }];
  const asked = client.chat.completions.create({ model: 'm', messages, stream: true });
  const body = JSON.stringify({ model: 'm', stream: true });
  const answer = await fetch(`${router.address}/v1/chat/completions`, { method: 'POST', body });
  // Both have their heads before there is a replica.
  const events = await asked;
  upstream.answer = stream;
  router.putPod('m', 'm-0', upstream.port);
  const text: string[] = [];
  for await (const { choices } of events) text.push(choices[0]?.delta.content ?? '');
  expect(text).toEqual(['hello']);
  expect(await answer.text()).toMatch(/^(: waiting [^\n]+\n\n)+data: .*\n\ndata: \[DONE\]\n\n$/s);
});

test.each([
  [
    'openai',
    '/v1/chat/completions',
    /\n\ndata: \{"error":\{[^\n]*"code":"hold_timeout"[^\n]*\}\n\n$/,
  ],
  ['anthropic', '/v1/messages', /\n\nevent: error\ndata: \{[^\n]*"overloaded_error"[^\n]*\}\n\n$/],
])(
  '%s: once the head is sent, the deadline is an event, and the stream has no end',
  async (_dialect, path, event) => {
    await putModel('1500ms');
    const client = await hold(path);
    await client.closed();
    const { statusLine, body, complete } = parseAnswer(client.text());
    expect(statusLine).toBe('HTTP/1.1 200 OK');
    expect(body).toMatch(event);
    expect(body).not.toContain('[DONE]');
    expect(complete).toBe(false);
    const logged = await eventually('it is logged', () =>
      router.logged.find(({ model }) => model === 'm'),
    );
    expect(logged).toMatchObject({ status: 200, error_type: 'queue_timeout' });
  },
);

test('once the head is sent, an engine’s error is an event too', async () => {
  await putModel();
  const client = await hold();
  await waiting(client);
  const error = { message: 'too long', type: 'invalid_request_error', param: null, code: 'x' };
  upstream.answer = (request) => sendJson(request, { error }, 400);
  router.putPod('m', 'm-0', upstream.port);
  await client.closed();
  const { body, complete } = parseAnswer(client.text());
  expect(JSON.parse(body.split('data: ').at(-1)!)).toEqual({ error });
  expect(complete).toBe(false);
});

test('once the head is sent, an answer that is no stream cannot be given', async () => {
  await putModel();
  const client = await hold();
  await waiting(client);
  upstream.answer = (request) => sendJson(request, { ok: true });
  router.putPod('m', 'm-0', upstream.port);
  await client.closed();
  expect(parseAnswer(client.text()).body).toMatch(/data: \{"error":.*"replica_failed"\}\}\n\n$/);
  await eventually('nothing is open', () => router.inFlight() === 0);
});
