import { createServer } from 'node:net';
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
