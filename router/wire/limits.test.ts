import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openRaw, parseAnswer, post } from '../testing/raw-client.ts';
import {
  chunk,
  type ScriptedUpstream,
  sendJson,
  startUpstream,
} from '../testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from '../testing/test-router.ts';

// Waits have deadlines of their own; a busy machine may need longer than the default.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const chat = '/v1/chat/completions';
const body = '{"model":"m"}';

let upstream: ScriptedUpstream;
let router: TestRouter;
beforeAll(async () => {
  upstream = await startUpstream((request) => sendJson(request, { ok: true }));
  router = await startTestRouter({ bodyLimitBytes: 10_000 });
  router.putModel('m');
  router.putPod('m', 'm-0', upstream.port);
  await router.untilReplicas('m', 1);
});
afterAll(async () => {
  await router?.stop();
  await upstream?.stop();
});

/** Sends bytes; the whole answer as soon as it ends as JSON does. */
async function answerTo(bytes: string | Buffer): Promise<string> {
  const client = openRaw(router.address, bytes);
  const text = await client.received(/^.*\}$/s);
  client.socket.destroy();
  return text;
}

const codeIn = (text: string) => JSON.parse(parseAnswer(text).body).error?.code;

test('a body of just the limit passes, one byte more does not', async () => {
  const padded = (length: number) => `{"model":"m","x":"${'x'.repeat(length - 20)}"}`;
  expect(padded(10_000)).toHaveLength(10_000);
  expect(await answerTo(post(chat, padded(10_000)))).toMatch(/^HTTP\/1\.1 200 /);
  expect(codeIn(await answerTo(post(chat, padded(10_001))))).toBe('body_too_large');
});

test('a chunked body is stopped at the limit, wherever its end would be', async () => {
  const head = `POST ${chat} HTTP/1.1\r\nHost: r\r\nTransfer-Encoding: chunked\r\n\r\n`;
  const text = await answerTo(Buffer.concat([Buffer.from(head), chunk('x'.repeat(20_000))]));
  expect(codeIn(text)).toBe('body_too_large');
  expect(parseAnswer(text).headers).toContain('connection: close');
});

test('a body that would be refused is not waited for: no 100 Continue', async () => {
  const head = `POST ${chat} HTTP/1.1\r\nHost: r\r\nExpect: 100-continue\r\nContent-Length: 20000\r\n\r\n`;
  const text = await answerTo(head);
  expect(text).toMatch(/^HTTP\/1\.1 413 /);
  expect(codeIn(text)).toBe('body_too_large');
});

test('other expectations are ignored', async () => {
  expect(await answerTo(post(chat, body, ['Expect: the-unexpected']))).toMatch(/^HTTP\/1\.1 200 /);
});

test('a URL of just the limit passes, one byte more does not', async () => {
  const url = (length: number) => `/v1/models/m?${'x'.repeat(length - 13)}`;
  const ask = (path: string) => answerTo(`GET ${path} HTTP/1.1\r\nHost: r\r\n\r\n`);
  expect(await ask(url(8_192))).toMatch(/^HTTP\/1\.1 200 /);
  const refused = await ask(url(8_193));
  expect(refused).toMatch(/^HTTP\/1\.1 414 /);
  expect(codeIn(refused)).toBe('url_too_long');
});

test('60 KB of headers pass', async () => {
  const headers = Array.from({ length: 60 }, (_, number) => `X-${number}: ${'x'.repeat(990)}`);
  expect(await answerTo(post(chat, body, headers))).toMatch(/^HTTP\/1\.1 200 /);
  expect(upstream.requests.at(-1)?.head).toContain(headers.at(-1));
});

test.each(['gzip', 'br', 'deflate, gzip', 'x'])(
  'a body of encoding %s is refused',
  async (coding) => {
    const text = await answerTo(post(chat, body, [`Content-Encoding: ${coding}`]));
    expect(text).toMatch(/^HTTP\/1\.1 415 /);
    expect(codeIn(text)).toBe('unsupported_encoding');
  },
);
