import { afterAll, beforeAll, expect, test } from 'vitest';
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

const events =
  'data: {"choices":[{"delta":{"content":"ü"}}]}\n\ndata: {"choices":[{"finish_reason":"stop"}]}\n\n';
const usage =
  'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}\n\n';
const done = 'data: [DONE]\n\n';

/** Ends a stream with its usage if it was asked to, like vLLM; in pieces of 7 bytes. */
async function answer(request: UpstreamRequest): Promise<void> {
  const { stream_options: options } = JSON.parse(request.body.toString());
  const reply = Buffer.from(events + (options?.include_usage ? usage : '') + done);
  beginStream(request);
  for (let at = 0; at < reply.length; at += 7) {
    request.socket.write(chunk(reply.subarray(at, at + 7)));
    await new Promise((resolve) => setImmediate(resolve));
  }
  request.socket.write(chunk(''));
}

let upstream: ScriptedUpstream;
const routers: TestRouter[] = [];
beforeAll(async () => {
  upstream = await startUpstream((request) => void answer(request));
});
afterAll(async () => {
  await Promise.all(routers.map((router) => router.stop()));
  await upstream?.stop();
});

async function routerWith(
  streamUsage: boolean,
  engine: 'vLLM' | 'LlamaCpp' = 'vLLM',
): Promise<TestRouter> {
  const router = await startTestRouter({ streamUsage });
  routers.push(router);
  router.putModel('m', { engine });
  router.putPod('m', 'm-0', upstream.port);
  await router.untilReplicas('m', 1);
  return router;
}

async function bodyOf(router: TestRouter, body: string): Promise<string> {
  const client = openRaw(router.address, post('/v1/chat/completions', body));
  await client.received(/\r\n0\r\n\r\n$/);
  client.socket.destroy();
  return Buffer.from(parseAnswer(client.text()).body, 'latin1').toString();
}

const tokens = (router: TestRouter) =>
  router.metrics().then((text) => /fairlead_tokens_total\{.*"output"\} (\d+)/.exec(text)?.[1]);

test('the tokens of a stream are known, and the client that did not ask sees nothing of it', async () => {
  const router = await routerWith(true);
  const body = '{"model":"m","stream":true}';
  expect(await bodyOf(router, body)).toBe(events + done);
  expect(upstream.requests.at(-1)?.body.toString()).toBe(
    '{"model":"m","stream":true,"stream_options":{"include_usage":true}}',
  );
  expect(await tokens(router)).toBe('2');
});

test('a client that asks gets what it asked for, by its own bytes', async () => {
  const router = await routerWith(true);
  const body = '{"stream_options":{"include_usage": true },"model":"m","stream":true}';
  expect(await bodyOf(router, body)).toBe(events + usage + done);
  expect(upstream.requests.at(-1)?.body.toString()).toBe(body);
});

test('llama.cpp, which tells the tokens of every stream by itself, is not asked for them', async () => {
  const router = await routerWith(true, 'LlamaCpp');
  const body = '{"model":"m","stream":true}';
  expect(await bodyOf(router, body)).toBe(events + done);
  expect(upstream.requests.at(-1)?.body.toString()).toBe(body);
});

test('a router that is told not to count leaves every body as it is', async () => {
  const router = await routerWith(false);
  const body = '{"model":"m","stream":true}';
  expect(await bodyOf(router, body)).toBe(events + done);
  expect(upstream.requests.at(-1)?.body.toString()).toBe(body);
  await eventually('a count of none', async () => (await tokens(router)) === '0');
});
