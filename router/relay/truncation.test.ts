import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import { openRaw, parseAnswer, post } from '../testing/raw-client.ts';
import {
  beginStream,
  chunk,
  type ScriptedUpstream,
  startUpstream,
  type UpstreamRequest,
} from '../testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from '../testing/test-router.ts';

// Waits have deadlines of their own; a busy machine may need longer than the default.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

let upstream: ScriptedUpstream;
let router: TestRouter;
beforeAll(async () => {
  upstream = await startUpstream();
  router = await startTestRouter({ streamUsage: false });
  router.putModel('m');
  router.putPod('m', 'm-0', upstream.port);
  await router.untilReplicas('m', 1);
});
afterEach(() => eventually('no slot is held', () => router.inFlight() === 0));
afterAll(async () => {
  await router?.stop();
  await upstream?.stop();
});

/** Asks an engine that answers like this, and waits for the connection's end. */
async function answerOf(
  answer: (request: UpstreamRequest) => void,
  { path = '/v1/chat/completions', body = '{"model":"m","stream":true}', version = '1.1' } = {},
) {
  upstream.answer = answer;
  const request = post(path, body).toString('latin1').replace('HTTP/1.1', `HTTP/${version}`);
  const client = openRaw(router.address, Buffer.from(request, 'latin1'));
  const closedBy = await client.closed();
  return { closedBy, ...parseAnswer(client.text()) };
}

/** Sends all of it, then ends the connection in this way once the router had the time to read it. */
const thenEnd = (bytes: string | Buffer, how: 'reset' | 'close') => (request: UpstreamRequest) => {
  const { socket } = request;
  socket.write(bytes, () => {
    setTimeout(() => (how === 'reset' ? socket.resetAndDestroy() : socket.destroy()), 50);
  });
};

const streamHead =
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n';
const openAiError =
  /\n\ndata: \{"error":\{"message":"[^"]*","type":"server_error","param":null,"code":"stream_truncated"\}\}\n\n$/;

test.each(['reset', 'close'] as const)(
  'a stream that breaks off (%s) ends with an error event and without its end',
  async (how) => {
    const sent = `${streamHead}${chunk('data: {"a":1}\n\ndata: {"b')}`;
    const { body, complete } = await answerOf(thenEnd(sent, how));
    expect(complete).toBe(false);
    expect(body).toMatch(/^data: \{"a":1\}\n\ndata: \{"b\n\n/);
    expect(body).toMatch(openAiError);
    expect(body).not.toContain('[DONE]');
    expect(router.logged.at(-1)).toMatchObject({ status: 200, error_type: 'stream_truncated' });
  },
);

test('a stream that ends cleanly without [DONE] is truncated all the same', async () => {
  const { body, complete } = await answerOf((asked) => {
    beginStream(asked);
    asked.socket.write(Buffer.concat([chunk('data: {"a":1}\n\n'), chunk('')]));
  });
  expect(complete).toBe(false);
  expect(body).toMatch(/^data: \{"a":1\}\n\ndata: \{"error":/);
  expect(body).toMatch(openAiError);
});

test('a stream in Anthropic’s dialect gets Anthropic’s error event', async () => {
  const event = 'event: message_start\ndata: {"type":"message_start"}\n\n';
  const { body, complete } = await answerOf(thenEnd(`${streamHead}${chunk(event)}`, 'reset'), {
    path: '/v1/messages',
  });
  expect(complete).toBe(false);
  expect(body.slice(0, event.length)).toBe(event);
  expect(body.slice(event.length)).toMatch(
    /^event: error\ndata: \{"type":"error","error":\{"type":"api_error",.*\}\n\n$/,
  );
});

test('a stream that turns into garbage is truncated', async () => {
  const sent = `${streamHead}${chunk('data: {"a":1}\n\n')}this is no chunk\r\n\r\n`;
  const { body, complete } = await answerOf(({ socket }) => void socket.write(sent));
  expect(complete).toBe(false);
  expect(body).toMatch(openAiError);
});

test.each(['reset', 'close'] as const)(
  'a plain answer with a length that breaks off (%s) is never complete',
  async (how) => {
    const sent = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"half":';
    const { body, complete } = await answerOf(thenEnd(sent, how), { body: '{"model":"m"}' });
    expect(body).toBe('{"half":');
    expect(complete).toBe(false);
  },
);

test('a chunked plain answer that breaks off is never complete', async () => {
  const sent = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk('{"half":')}`;
  const { body, complete } = await answerOf(thenEnd(sent, 'close'), { body: '{"model":"m"}' });
  expect(body).toBe('{"half":');
  expect(complete).toBe(false);
});

const untilClose = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n';

test('an answer that lasts until its connection ends is complete when the engine closes it', async () => {
  const { socket, received } = openRaw(router.address, post('/v1/completions', '{"model":"m"}'));
  upstream.answer = thenEnd(`${untilClose}{"whole":true}`, 'close');
  await received(/\r\n0\r\n\r\n$/);
  socket.destroy();
});

test.each([
  ['is reset', '{"whole":true}', 'reset'],
  ['ends in the middle of its JSON', '{"half":', 'close'],
] as const)('such an answer that %s is never complete', async (_name, sent, how) => {
  const { complete } = await answerOf(thenEnd(`${untilClose}${sent}`, how));
  expect(complete).toBe(false);
});

test('such a stream that is reset is never complete', async () => {
  const head = untilClose.replace('application/json', 'text/event-stream');
  const { complete } = await answerOf(thenEnd(`${head}data: {"a":1}\n\n`, 'reset'));
  expect(complete).toBe(false);
});

test('a stream that has come to its own end is complete, however its connection ends', async () => {
  const sent = `${streamHead}${chunk('data: {"a":1}\n\ndata: [DONE]\n\n')}`;
  upstream.answer = thenEnd(sent, 'reset');
  const client = openRaw(
    router.address,
    post('/v1/chat/completions', '{"model":"m","stream":true}'),
  );
  await client.received(/\r\n0\r\n\r\n$/);
  expect(parseAnswer(client.text()).body).toBe('data: {"a":1}\n\ndata: [DONE]\n\n');
  client.socket.destroy();
});

test('a client of HTTP/1.0, whose answers end with the connection, sees a reset', async () => {
  const sent = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk('{"half":')}`;
  const { closedBy } = await answerOf(thenEnd(sent, 'reset'), { version: '1.0' });
  expect(closedBy).toBe('reset');
});
