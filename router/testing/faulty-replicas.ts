import { connect, createServer, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { sendJson, type UpstreamRequest } from './scripted-upstream.ts';

/** A port of the loopback that nobody listens on. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}

const error = (message: string, type: string, code: number) => ({ error: { message, type, code } });

/** Ways in which a replica fails a request before its answer has begun. */
export const faults = {
  'is reset before its first byte': ({ socket }) => void socket.resetAndDestroy(),
  'is closed before its first byte': ({ socket }) => void socket.destroy(),
  'is reset within its head': ({ socket }) =>
    void socket.write('HTTP/1.1 200 O', () => socket.resetAndDestroy()),
  'is garbage': ({ socket }) => void socket.write('garbage garbage garbage\r\n\r\n'),
  'is 502': (request) => sendJson(request, {}, 502),
  'is 503 while loading': (request) =>
    sendJson(request, error('Loading model', 'unavailable_error', 503), 503),
  'is 504': (request) => sendJson(request, {}, 504),
  'is 500 of a dead vLLM': (request) =>
    sendJson(
      request,
      error('EngineCore encountered an issue. See stack trace', 'InternalServerError', 500),
      500,
    ),
  'is 500 of an Ollama that cannot load': (request) =>
    sendJson(request, error('llama runner process has terminated: 2', 'api_error', 500), 500),
  'is an error that breaks off': ({ socket }) =>
    void socket.write(
      'HTTP/1.1 500 X\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"err',
      () => socket.resetAndDestroy(),
    ),
} satisfies Record<string, (request: UpstreamRequest) => void>;

/** A port that takes no connection and refuses none, like that of a node that has gone. */
export async function startBlackHole(): Promise<{ port: number; stop(): Promise<void> }> {
  // A listener that never accepts: its thread is asleep. Once its queue is full the kernel drops SYNs.
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads');
    const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 });
    server.on('listening', () => {
      parentPort.postMessage(server.address().port);
      setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
    });`,
    { eval: true },
  );
  const port = await new Promise<number>((resolve) => worker.once('message', resolve));
  const fillers: Socket[] = [];
  for (let isFull = false; !isFull; ) {
    const socket = connect({ port, host: '127.0.0.1' }).on('error', () => {});
    fillers.push(socket);
    const isConnected = new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      setTimeout(resolve, 500, false);
    });
    isFull = !(await isConnected);
  }
  return {
    port,
    stop: async () => {
      for (const socket of fillers) socket.destroy();
      await worker.terminate();
    },
  };
}
