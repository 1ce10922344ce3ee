import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import { openRaw, type RawClient } from '../testing/raw-client.ts';
import { chunk } from '../testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from '../testing/test-router.ts';

// Waits have deadlines of their own; a busy machine may need longer than the default.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 30_000 });

const MiB = 1024 * 1024;
const block = Buffer.alloc(MiB, 0x61);
const blocks = 50;

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** Memory of Buffers that somebody still holds. */
function heldMiB(): number {
  collectGarbage();
  return process.memoryUsage().arrayBuffers / MiB;
}

/** An engine that counts what it gets and keeps nothing of it. */
let sink: Server;
let received = 0;
let answer: (socket: Socket) => void;
let router: TestRouter;
beforeAll(async () => {
  sink = createServer((socket) => {
    socket.on('error', () => {});
    let open = 0;
    socket.on('data', (data) => {
      const head = open > 0 ? undefined : data.toString('latin1', 0, 16 * 1024);
      if (head) {
        const length = Number(/content-length: *(\d+)/i.exec(head)?.[1]);
        open = length + head.indexOf('\r\n\r\n') + 4;
        received = -head.indexOf('\r\n\r\n') - 4;
      }
      received += data.length;
      open -= data.length;
      if (open === 0) answer(socket);
    });
  });
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
  router = await startTestRouter({ streamUsage: false });
  router.putModel('m');
  router.putPod('m', 'm-0', (sink.address() as AddressInfo).port);
  await router.untilReplicas('m', 1);
});
afterAll(async () => {
  await router?.stop();
  await new Promise((resolve) => sink?.close(resolve));
});

const bodyHead = '{"model":"m","stream":true,"filler":"';
const bodyEnd = '"}';
const bodyLength = bodyHead.length + blocks * MiB + bodyEnd.length;

/** Sends a body of 50 MiB, block by block. */
async function upload(isChunked: boolean): Promise<RawClient> {
  const framing = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${bodyLength}`;
  const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: r\r\n${framing}\r\n\r\n`;
  const client = openRaw(router.address, head);
  const framed = (data: string | Buffer) => (isChunked ? chunk(data) : Buffer.from(data));
  const write = (data: Buffer) =>
    new Promise<void>((resolve) => void client.socket.write(data, () => resolve()));
  await write(framed(bodyHead));
  const framedBlock = framed(block);
  for (let count = 0; count < blocks; count++) await write(framedBlock);
  await write(framed(bodyEnd));
  if (isChunked) await write(chunk(''));
  return client;
}

test.each([
  ['with a length', false],
  ['in chunks', true],
])(
  'a body of 50 MiB, sent %s, arrives whole and is let go once the answer has begun',
  async (_name, isChunked) => {
    answer = (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n');
      socket.write(`Transfer-Encoding: chunked\r\n\r\n${chunk('data: 1\n\n')}`);
    };
    const before = heldMiB();
    const client = await upload(isChunked);
    await client.received(/data: 1\n\n/);
    expect(received).toBe(bodyLength);
    await eventually('the body is let go while the stream is open', () => heldMiB() - before < 10);
    expect(router.inFlight()).toBe(1);
    client.socket.destroy();
    await eventually('the slot is free', () => router.inFlight() === 0);
  },
);

test('an answer of 50 MiB to a client that stops in the middle is not collected', async () => {
  let written = 0;
  answer = (socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${blocks * MiB}\r\n\r\n`);
    const push = () => {
      while (written < blocks) {
        written++;
        if (!socket.write(block)) return void socket.once('drain', push);
      }
    };
    push();
  };
  const before = heldMiB();
  const body = '{"model":"m"}';
  const head = `POST /v1/completions HTTP/1.1\r\nHost: r\r\nContent-Length: ${body.length}\r\n\r\n`;
  const client = openRaw(router.address, head + body);
  client.socket.removeAllListeners('data');
  let read = 0;
  client.socket.on('data', (data) => {
    read += data.length;
    if (read > 5 * MiB) client.socket.pause();
  });
  let last = -1;
  await eventually('the engine waits', async () => {
    const stands = written === last && read > 5 * MiB;
    last = written;
    await new Promise((resolve) => setTimeout(resolve, 100));
    return stands;
  });
  expect(written).toBeLessThan(blocks);
  expect(heldMiB() - before).toBeLessThan(10);
  client.socket.removeAllListeners('data');
  client.socket.on('data', (data) => {
    read += data.length;
  });
  client.socket.resume();
  await eventually('all of it has come', () => read > blocks * MiB);
  client.socket.destroy();
});
