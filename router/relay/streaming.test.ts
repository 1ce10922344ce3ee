import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import { openRaw, parseAnswer, post } from '../testing/raw-client.ts';
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

const ask = '{"model":"m","stream":true,"messages":[]}';
const open = (body = ask, headers: string[] = []) =>
  openRaw(router.address, post('/v1/chat/completions', body, headers));
const lastOf = <T>(items: readonly T[]): T => items.at(-1) as T;

test('each event reaches the client when the engine sends it, not later', async () => {
  let request: UpstreamRequest | undefined;
  upstream.answer = (asked) => {
    request = asked;
    beginStream(asked);
  };
  const client = open();
  await client.received(/^HTTP\/1\.1 200 OK\r\n.*x-accel-buffering: no\r\n/s);
  request?.socket.write(chunk('data: 1\n\n'));
  await client.received(/data: 1\n\n/);
  request?.socket.write(chunk('data: 2\n\n'));
  await client.received(/data: 2\n\n/);
  request?.socket.write(Buffer.concat([chunk('data: [DONE]\n\n'), chunk('')]));
  await client.received(/\r\n0\r\n\r\n$/);
  expect(parseAnswer(client.text())).toMatchObject({
    body: 'data: 1\n\ndata: 2\n\ndata: [DONE]\n\n',
    complete: true,
  });
  client.socket.destroy();
});

test('events split across reads, several in one read and cut inside of a character stay what they were', async () => {
  const events = Buffer.from(
    'data: {"t":"ü€😀"}\n\n: ping\n\ndata: {"big":12345678901234567890}\r\n\r\ndata: [DONE]\n\n',
  );
  upstream.answer = async (asked) => {
    beginStream(asked);
    for (let at = 0; at < events.length; at += 3) {
      asked.socket.write(chunk(events.subarray(at, at + 3)));
      await new Promise((resolve) => setImmediate(resolve));
    }
    asked.socket.write(chunk(''));
  };
  const client = open();
  await client.received(/\r\n0\r\n\r\n$/);
  const { body } = parseAnswer(client.text());
  expect(Buffer.from(body, 'latin1').equals(events)).toBe(true);
  client.socket.destroy();
});

test('the request’s body goes upstream byte for byte, under the canonical path', async () => {
  upstream.answer = (asked) => sendJson(asked, { ok: true });
  const body =
    '{ "big": 12345678901234567890, "model":"x", "mod\\u0065l":"m","u":"ü\\u00fc", "x" :1.0 }';
  const client = openRaw(
    router.address,
    post('/openai/v1/chat/completions?a=%20b', body, ['X-Thing: 1', 'X-Conversation-Id: c']),
  );
  await client.received(/\{"ok":true\}$/);
  const { head, body: seen } = lastOf(upstream.requests);
  expect(seen.toString()).toBe(body);
  expect(head.split('\r\n')[0]).toBe('POST /v1/chat/completions?a=%20b HTTP/1.1');
  expect(head).toContain('X-Thing: 1');
  expect(head).toContain('accept-encoding: identity');
  expect(head).not.toMatch(/conversation/i);
  client.socket.destroy();
});

test('a chunked upload is one body with a length upstream', async () => {
  upstream.answer = (asked) => sendJson(asked, { ok: true });
  const head =
    'POST /v1/chat/completions HTTP/1.1\r\nHost: r\r\nTransfer-Encoding: chunked\r\n\r\n';
  const client = openRaw(router.address, head);
  for (const part of ['{"model"', ':"m"}']) client.socket.write(chunk(part));
  client.socket.write(chunk(''));
  await client.received(/\{"ok":true\}$/);
  expect(lastOf(upstream.requests).body.toString()).toBe('{"model":"m"}');
  client.socket.destroy();
});

test('status, header case and repeated headers of the engine stay what they were', async () => {
  upstream.answer = ({ socket }) =>
    socket.write(
      'HTTP/1.1 418 X\r\nX-CamelCase: a\r\nx-camelcase: b\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nno',
    );
  const client = open('{"model":"m"}', ['x-request-id: mine-1']);
  await client.received(/no$/);
  const { statusLine, headers, body } = parseAnswer(client.text());
  expect(statusLine).toMatch(/^HTTP\/1\.1 418 /);
  expect(headers).toEqual(expect.arrayContaining(['X-CamelCase: a', 'x-camelcase: b']));
  expect(headers).toContain('x-request-id: mine-1');
  expect(lastOf(upstream.requests).head).toContain('x-request-id: mine-1');
  expect(body).toBe('no');
  client.socket.destroy();
});

test('a slow client makes the engine wait', async () => {
  const total = 64 * 1024 * 1024;
  let written = 0;
  upstream.answer = ({ socket }) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
    const block = Buffer.alloc(256 * 1024, 0x61);
    const push = (): void => {
      while (written < total) {
        written += block.length;
        if (!socket.write(block)) {
          socket.once('drain', push);
          return;
        }
      }
    };
    push();
  };
  const client = open('{"model":"m"}');
  client.socket.pause();
  let before = -1;
  await eventually('the engine waits', async () => {
    const now = written;
    const stands = now === before && now > 0;
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 50));
    return stands;
  });
  expect(written).toBeLessThan(total / 2);
  client.socket.resume();
  await eventually('all of it has come', () => client.socket.bytesRead > total);
  client.socket.destroy();
});
