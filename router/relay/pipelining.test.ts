import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import { openRaw, post } from '../testing/raw-client.ts';
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
const held: UpstreamRequest[] = [];
beforeAll(async () => {
  upstream = await startUpstream();
  router = await startTestRouter();
  router.putModel('m');
  router.putPod('m', 'm-0', upstream.port);
  await router.untilReplicas('m', 1);
});
afterEach(() => eventually('no slot is held', () => router.inFlight() === 0));
afterAll(async () => {
  await router?.stop();
  await upstream?.stop();
});

/** Sends two requests at once on one connection; the engine holds both. */
async function pipeline() {
  held.length = 0;
  upstream.answer = (request) => held.push(request);
  const first = post('/v1/chat/completions', '{"model":"m","stream":true,"n":1}');
  const second = post('/v1/completions', '{"model":"m","n":2}');
  const client = openRaw(router.address, Buffer.concat([first, second]));
  await eventually('the engine has both', () => held.length === 2);
  return { client, stream: byBody('"n":1'), plain: byBody('"n":2') };
}

function byBody(part: string): UpstreamRequest {
  const found = held.find(({ body }) => body.includes(part));
  if (!found) throw new Error(`no request with ${part}`);
  return found;
}

test('answers come in the order of their requests, whichever is ready first', async () => {
  const { client, stream, plain } = await pipeline();
  sendJson(plain, { second: true });
  beginStream(stream);
  stream.socket.write(chunk('data: 1\n\n'));
  await client.received(/data: 1\n\n/);
  expect(client.text()).not.toContain('second');
  stream.socket.write(Buffer.concat([chunk('data: [DONE]\n\n'), chunk('')]));
  await client.received(/\[DONE\]\n\n\r\n0\r\n\r\nHTTP\/1\.1 200 .*\{"second":true\}$/s);
  client.socket.destroy();
});

test('a second answer that breaks off while the first is under way completes neither', async () => {
  const { client, stream, plain } = await pipeline();
  beginStream(stream);
  stream.socket.write(chunk('data: 1\n\n'));
  await client.received(/data: 1\n\n/);
  plain.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"half":', () => {
    setTimeout(() => plain.socket.resetAndDestroy(), 50);
  });
  await client.closed();
  expect(client.text()).not.toMatch(/0\r\n\r\n/);
  expect(client.text()).not.toContain('[DONE]');
});

test('a client that goes takes all its requests with it', async () => {
  const { client } = await pipeline();
  client.socket.resetAndDestroy();
  await eventually('the engine’s connections are closed', () => upstream.connections === 0);
});
