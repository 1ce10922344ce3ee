import { connect, type Socket } from 'node:net';
import { eventually } from '../../kube/testing/wait.ts';

/** A client's socket, byte for byte. */
export interface RawClient {
  readonly socket: Socket;
  /** All bytes received, as latin1. */
  text(): string;
  bytes(): Buffer;
  /** `end`: FIN; `reset`: RST; undefined: still open. */
  closedBy(): 'end' | 'reset' | undefined;
  /** Waits until what was received matches. */
  received(pattern: RegExp): Promise<string>;
  closed(): Promise<'end' | 'reset'>;
}

/** Connects and sends. */
export function openRaw(address: string, send: string | Buffer = ''): RawClient {
  const { hostname, port } = new URL(address);
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  const chunks: Buffer[] = [];
  let closedBy: 'end' | 'reset' | undefined;
  socket.on('data', (data) => chunks.push(data));
  socket.on('end', () => {
    closedBy ??= 'end';
    socket.end();
  });
  socket.on('error', () => {
    closedBy ??= 'reset';
  });
  socket.write(send);
  const text = () => Buffer.concat(chunks).toString('latin1');
  return {
    socket,
    text,
    bytes: () => Buffer.concat(chunks),
    closedBy: () => closedBy,
    received: (pattern) =>
      eventually(`bytes like ${pattern}`, () => pattern.exec(text())?.[0]).catch((error) => {
        throw new Error(`${error.message}; received: ${text()}`);
      }),
    closed: () => eventually('the connection closed', () => closedBy),
  };
}

/** A POST as bytes, with a content length. */
export function post(path: string, body: string | Buffer, headers: readonly string[] = []): Buffer {
  const bytes = Buffer.from(body);
  const head = [
    `POST ${path} HTTP/1.1`,
    'Host: router.test',
    'Content-Type: application/json',
    `Content-Length: ${bytes.length}`,
    ...headers,
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), bytes]);
}

/** Splits one HTTP answer and takes the chunked encoding off its body. */
export function parseAnswer(text: string): {
  statusLine: string;
  headers: string[];
  body: string;
  /** Whether the body's framing came to its end. */
  complete: boolean;
} {
  const headEnd = text.indexOf('\r\n\r\n');
  const [statusLine = '', ...headers] = text.slice(0, headEnd).split('\r\n');
  const rest = text.slice(headEnd + 4);
  if (headers.some((header) => /^transfer-encoding: *chunked$/i.test(header))) {
    return { statusLine, headers, ...unchunk(rest) };
  }
  const length = headers
    .map((header) => /^content-length: *(\d+)$/i.exec(header)?.[1])
    .find(Boolean);
  return { statusLine, headers, body: rest, complete: rest.length === Number(length) };
}

function unchunk(text: string): { body: string; complete: boolean } {
  let body = '';
  let at = 0;
  while (true) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd < 0) return { body, complete: false };
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    if (size === 0) return { body, complete: text.slice(lineEnd) === '\r\n\r\n' };
    body += text.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
  }
}
