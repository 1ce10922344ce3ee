import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openRaw, parseAnswer, post } from '../testing/raw-client.ts';
import {
  beginStream,
  chunk,
  type ScriptedUpstream,
  sendJson,
  startUpstream,
} from '../testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from '../testing/test-router.ts';

// Waits have deadlines of their own; a busy machine may need longer than the default.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const messages = '/v1/messages';

let upstream: ScriptedUpstream;
let router: TestRouter;
beforeAll(async () => {
  upstream = await startUpstream();
  router = await startTestRouter();
  router.putModel('m', { aliases: ['claude-sonnet'] });
  router.putPod('m', 'm-0', upstream.port);
  router.putModel('asleep', { hold: { timeout: '0s' } });
  await router.untilReplicas('m', 1);
  await router.untilReplicas('asleep', 0);
});
afterAll(async () => {
  await router?.stop();
  await upstream?.stop();
});

test.each([
  ['bad JSON', 'POST', messages, '{', 400, 'invalid_request_error'],
  ['an unknown model', 'POST', messages, '{"model":"x"}', 404, 'not_found_error'],
  ['an unknown model', 'POST', '/messages/count_tokens', '{"model":"x"}', 404, 'not_found_error'],
  ['no ready replica', 'POST', messages, '{"model":"asleep"}', 503, 'overloaded_error'],
  ['a wrong method', 'PUT', messages, '{}', 405, 'invalid_request_error'],
])('%s by %s %s has Anthropic’s shape', async (_what, method, path, body, status, type) => {
  const answer = await fetch(router.address + path, { method, body });
  expect(answer.status).toBe(status);
  const requestId = answer.headers.get('x-request-id');
  expect(await answer.json()).toEqual({
    type: 'error',
    error: { type, message: expect.any(String) },
    request_id: requestId,
  });
});

test('the engine gets what the client says of its version, under the name it knows', async () => {
  upstream.answer = (request) => sendJson(request, { type: 'message' });
  const headers = ['anthropic-version: 2023-06-01', 'anthropic-beta: a,b'];
  const client = openRaw(router.address, post(messages, '{"model":"claude-sonnet"}', headers));
  await client.received(/\{"type":"message"\}$/);
  const seen = upstream.requests.at(-1);
  for (const header of headers) expect(seen?.head).toContain(header);
  expect(seen?.body.toString()).toBe('{"model":"m"}');
  client.socket.destroy();
});

const events = (...names: string[]) =>
  names.map((name) => `event: ${name}\ndata: {"type":"${name}"}\n\n`).join('');

test('a stream that ends with message_stop is complete', async () => {
  const text = events('message_start', 'content_block_delta', 'ping', 'message_stop');
  upstream.answer = (request) => {
    beginStream(request);
    request.socket.write(Buffer.concat([chunk(text), chunk('')]));
  };
  const client = openRaw(router.address, post(messages, '{"model":"m","stream":true}'));
  await client.received(/\r\n0\r\n\r\n$/);
  expect(parseAnswer(client.text())).toMatchObject({ body: text, complete: true });
  client.socket.destroy();
});

test('a stream that ends without it gets an error event, and no end', async () => {
  const text = events('message_start', 'content_block_delta');
  upstream.answer = (request) => {
    beginStream(request);
    request.socket.write(Buffer.concat([chunk(text), chunk('')]));
  };
  const client = openRaw(router.address, post(messages, '{"model":"m","stream":true}'));
  await client.closed();
  const { body, complete } = parseAnswer(client.text());
  expect(complete).toBe(false);
  expect(
    body.startsWith(`${text}event: error\ndata: {"type":"error","error":{"type":"api_error"`),
  ).toBe(true);
});
