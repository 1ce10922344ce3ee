import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A request as an engine sees it on its socket. */
export interface UpstreamRequest {
  /** Request line and headers, as they came. */
  head: string;
  body: Buffer;
  socket: Socket;
  /** How many requests this connection brought before. */
  indexOnSocket: number;
  /** How many requests the upstream got before. */
  index: number;
}

/** An engine of one process that does on its sockets what a test tells it. */
export interface ScriptedUpstream {
  readonly port: number;
  readonly requests: UpstreamRequest[];
  /** Open connections. */
  readonly connections: number;
  /** Connections ever made. */
  readonly accepted: number;
  /** Answers a request; by default with a short JSON body. */
  answer: (request: UpstreamRequest) => void;
  /** What it says at /metrics, which the router reads by itself; such requests are not told. */
  metrics: string;
  stop(): Promise<void>;
}

/** Starts an engine on a free port of the loopback. */
export async function startUpstream(
  answer: (request: UpstreamRequest) => void = (request) => sendJson(request, { ok: true }),
): Promise<ScriptedUpstream> {
  const sockets = new Set<Socket>();
  const requests: UpstreamRequest[] = [];
  let accepted = 0;
  const server = createServer((socket) => {
    accepted++;
    sockets.add(socket);
    socket.setNoDelay();
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    let chunks: Buffer[] = [];
    let length = 0;
    /** Joining the chunks earlier would copy a large body again and again. */
    let wanted = 0;
    let indexOnSocket = 0;
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length < wanted) return;
      let pending = Buffer.concat(chunks);
      while (true) {
        chunks = [pending];
        length = pending.length;
        wanted = 0;
        const headEnd = pending.indexOf('\r\n\r\n');
        if (headEnd < 0) return;
        const head = pending.toString('latin1', 0, headEnd);
        wanted = headEnd + 4 + Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
        const end = wanted;
        if (pending.length < end) return;
        const body = pending.subarray(headEnd + 4, end);
        pending = pending.subarray(end);
        const request = { head, body, socket, indexOnSocket, index: requests.length };
        if (head.startsWith('GET /metrics ')) {
          sendText(socket, upstream.metrics);
          continue;
        }
        indexOnSocket++;
        requests.push(request);
        upstream.answer(request);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const upstream: ScriptedUpstream = {
    port: (server.address() as AddressInfo).port,
    requests,
    get connections() {
      return sockets.size;
    },
    get accepted() {
      return accepted;
    },
    answer,
    metrics: '',
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
  return upstream;
}

function sendText(socket: Socket, text: string): void {
  socket.write(
    `HTTP/1.1 200 X\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
}

/** Answers with a JSON body and its length. */
export function sendJson({ socket }: UpstreamRequest, body: object, status = 200): void {
  const text = JSON.stringify(body);
  socket.write(
    `HTTP/1.1 ${status} X\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
}

/** Sends the head of a chunked event stream. */
export function beginStream({ socket }: UpstreamRequest): void {
  socket.write(
    'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n',
  );
}

/** One chunk of chunked encoding; an empty one ends the body. */
export function chunk(data: string | Buffer): Buffer {
  const bytes = Buffer.from(data);
  return Buffer.concat([
    Buffer.from(`${bytes.length.toString(16)}\r\n`),
    bytes,
    Buffer.from('\r\n'),
  ]);
}
