import { afterAll, beforeAll, expect, test } from 'vitest';
import { openRaw, parseAnswer, post } from '../testing/raw-client.ts';
import {
  type ScriptedUpstream,
  sendJson,
  startUpstream,
  type UpstreamRequest,
} from '../testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from '../testing/test-router.ts';

let upstream: ScriptedUpstream;
let router: TestRouter;
beforeAll(async () => {
  upstream = await startUpstream();
  router = await startTestRouter();
  router.putModel('m');
  router.putPod('m', 'm-0', upstream.port);
  await router.untilReplicas('m', 1);
});
afterAll(async () => {
  await router?.stop();
  await upstream?.stop();
});

async function answerOf(
  answer: (request: UpstreamRequest) => void,
  path = '/v1/chat/completions',
): Promise<ReturnType<typeof parseAnswer>> {
  upstream.answer = answer;
  const client = openRaw(router.address, post(path, '{"model":"m"}', ['Connection: close']));
  await client.closed();
  return parseAnswer(client.text());
}

test('what belongs to one connection and what is the router’s alone stays behind', async () => {
  const { headers, body } = await answerOf(({ socket }) =>
    socket.write(
      'HTTP/1.1 200 OK\r\nServer: e\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n' +
        'Access-Control-Allow-Origin: *\r\nX-Request-Id: theirs\r\nX-Mixed-Case: v\r\nContent-Length: 2\r\n\r\nok',
    ),
  );
  expect(body).toBe('ok');
  expect(headers).toEqual(expect.arrayContaining(['Server: e', 'X-Mixed-Case: v']));
  expect(headers).toContain('x-fairlead-model: m');
  expect(headers.filter((header) => /^openai-processing-ms: \d+$/.test(header))).toHaveLength(1);
  const text = headers.join('\n');
  expect(text).not.toMatch(/x-hop|keep-alive|access-control|theirs|x-should-retry/i);
});

test.each([
  ['/v1/chat/completions', '{"error":{"message":"no","type":"T","param":null,"code":"400"'],
  ['/v1/messages', '{"type":"error","error":{"type":"T","message":"no"'],
])('at %s an engine’s foreign error gets the form of that API', async (path, start) => {
  const original = { error: { message: 'no', type: 'T', param: null, code: 400 } };
  const answer = await answerOf((request) => sendJson(request, original, 400), path);
  expect(answer.statusLine).toMatch(/^HTTP\/1\.1 400 /);
  expect(answer.complete).toBe(true);
  expect(answer.body.startsWith(start)).toBe(true);
  expect(JSON.parse(answer.body).error.upstream).toEqual(original);
});

test.each([
  ['already has OpenAI’s form', '{"error": {"message":"ü","type":"T","big":12345678901234567890}}'],
  ['is no JSON', '<html>'],
  ['is longer than 64 KiB', `{"detail":"${'x'.repeat(70_000)}"}`],
])('an error that %s passes byte for byte', async (_name, text) => {
  const bytes = Buffer.from(text);
  const answer = await answerOf(({ socket }) => {
    socket.write(
      `HTTP/1.1 400 X\r\nContent-Type: application/json\r\nContent-Length: ${bytes.length}\r\n\r\n`,
    );
    socket.write(bytes);
  });
  expect(answer.complete).toBe(true);
  expect(Buffer.from(answer.body, 'latin1').equals(bytes)).toBe(true);
});

test('an error in chunks that becomes too long passes byte for byte', async () => {
  const part = Buffer.alloc(30_000, 0x78);
  const answer = await answerOf(({ socket }) => {
    socket.write(
      'HTTP/1.1 500 X\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    for (let count = 0; count < 4; count++) socket.write(`7530\r\n${part}\r\n`);
    socket.write('0\r\n\r\n');
  });
  expect(answer.complete).toBe(true);
  expect(answer.body).toBe('x'.repeat(120_000));
});
