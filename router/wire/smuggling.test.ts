import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openRaw, parseAnswer, post } from '../testing/raw-client.ts';
import { type ScriptedUpstream, sendJson, startUpstream } from '../testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from '../testing/test-router.ts';

// Waits have deadlines of their own; a busy machine may need longer than the default.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let upstream: ScriptedUpstream;
let router: TestRouter;
beforeAll(async () => {
  upstream = await startUpstream((request) => sendJson(request, { number: request.index }));
  router = await startTestRouter();
  router.putModel('m');
  router.putPod('m', 'm-0', upstream.port);
  await router.untilReplicas('m', 1);
});
afterAll(async () => {
  await router?.stop();
  await upstream?.stop();
});

const body = '{"model":"m"}';
/** A request that must never be taken for one of its own. */
const hidden =
  'POST /v1/completions HTTP/1.1\r\nHost: r\r\nContent-Length: 13\r\n\r\n{"model":"m"}';

/** A request head with these header lines, and what follows it. */
const framed = (lines: readonly string[], rest: string) =>
  ['POST /v1/completions HTTP/1.1', 'Host: r', ...lines, '', rest].join('\r\n');

test.each([
  [
    'both framings',
    framed(['Content-Length: 13', 'Transfer-Encoding: chunked'], `0\r\n\r\n${hidden}`),
  ],
  [
    'both framings, the other way',
    framed(['Transfer-Encoding: chunked', 'Content-Length: 5'], `0\r\n\r\n${hidden}`),
  ],
  ['two different lengths', framed(['Content-Length: 13', 'Content-Length: 0'], body + hidden)],
  ['the same length twice', framed(['Content-Length: 13', 'Content-Length: 13'], body + hidden)],
  ['a list of lengths', framed(['Content-Length: 13, 0'], body + hidden)],
  ['a length with a sign', framed(['Content-Length: +13'], body + hidden)],
  ['a negative length', framed(['Content-Length: -1'], body + hidden)],
  ['a hexadecimal length', framed(['Content-Length: 0xd'], body + hidden)],
  ['a length beyond all integers', framed(['Content-Length: 99999999999999999999'], body)],
  [
    'a folded header',
    framed(['X-A: b', ' Transfer-Encoding: chunked', 'Content-Length: 13'], body),
  ],
  ['a folded framing', framed(['Transfer-Encoding:', ' chunked'], `0\r\n\r\n${hidden}`)],
  ['a space before the colon', framed(['Transfer-Encoding : chunked'], `0\r\n\r\n${hidden}`)],
  ['an unknown coding', framed(['Transfer-Encoding: xchunked'], `0\r\n\r\n${hidden}`)],
  [
    'chunked that is not last',
    framed(['Transfer-Encoding: chunked, identity'], `0\r\n\r\n${hidden}`),
  ],
  [
    'a chunk length that is none',
    framed(['Transfer-Encoding: chunked'], `zz\r\n${body}\r\n0\r\n\r\n`),
  ],
  [
    'a chunk length beyond all integers',
    framed(['Transfer-Encoding: chunked'], `fffffffffffffffff\r\n${body}`),
  ],
  [
    'a chunk longer than it says',
    framed(['Transfer-Encoding: chunked'], `1\r\n${body}\r\n0\r\n\r\n`),
  ],
  ['a null byte in a header', framed(['X-A: a\0b', 'Content-Length: 13'], body)],
  ['a bare carriage return in a header', framed(['X-A: a\rX-B: b', 'Content-Length: 13'], body)],
  ['a header name with a space', framed(['X A: b', 'Content-Length: 13'], body)],
  ['no host', `POST /v1/completions HTTP/1.1\r\nContent-Length: 13\r\n\r\n${body}`],
  [
    'another protocol',
    `POST /v1/completions HTTP/9.9\r\nHost: r\r\nContent-Length: 13\r\n\r\n${body}`,
  ],
])('%s: refused, and nothing behind it is read', async (_what, bytes) => {
  const before = upstream.requests.length;
  const client = openRaw(router.address, Buffer.from(bytes, 'latin1'));
  await client.closed();
  const text = client.text();
  expect(text).toMatch(/^HTTP\/1\.1 400 /);
  expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  expect(JSON.parse(parseAnswer(text).body)).toMatchObject({
    error: { type: 'invalid_request_error', code: 'invalid_request' },
  });
  expect(parseAnswer(text).headers).toContain('connection: close');
  expect(upstream.requests.length).toBe(before);
  client.socket.destroy();
});

test('requests in one packet are answered in their order, each with its own answer', async () => {
  const start = upstream.requests.length;
  const second = 'GET /v1/models/m HTTP/1.1\r\nHost: r\r\n\r\n';
  const client = openRaw(
    router.address,
    Buffer.concat([
      post('/v1/completions', body, ['x-request-id: first']),
      Buffer.from(second.replace('\r\n\r\n', '\r\nx-request-id: second\r\n\r\n')),
      post('/v1/completions', '{"model":"x"}', ['x-request-id: third']),
      post('/v1/completions', body, ['x-request-id: fourth']),
    ]),
  );
  await client.received(/x-request-id: fourth.*\{"number":\d+\}$/s);
  const ids = [...client.text().matchAll(/x-request-id: (\w+)/g)].map(([, id]) => id);
  expect(ids).toEqual(['first', 'second', 'third', 'fourth']);
  const statuses = [...client.text().matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
  expect(statuses).toEqual(['200', '200', '404', '200']);
  expect(upstream.requests.length - start).toBe(2);
  client.socket.destroy();
});

test('what a client says of the connection does not reach the engine', async () => {
  const headers = [
    'Connection: keep-alive, X-Secret',
    'X-Secret: 1',
    'Upgrade: h2c',
    'TE: trailers',
  ];
  const client = openRaw(router.address, post('/v1/completions', body, headers));
  await client.received(/\{"number":\d+\}$/);
  expect(upstream.requests.at(-1)?.head).not.toMatch(/x-secret|upgrade|^te:/im);
  client.socket.destroy();
});
