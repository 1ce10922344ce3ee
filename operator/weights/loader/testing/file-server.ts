import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What was asked of a {@link FileServer}. */
export interface Asked {
  /** With its query. */
  path: string;
  range: string | undefined;
  authorization: string | undefined;
}

/** An HTTP server on this machine that a test scripts. */
export interface FileServer {
  origin: string;
  asked: Asked[];
  close(): Promise<void>;
}

/** Answers each request by `handler`; what that leaves unanswered is 404. */
export async function startServer(
  handler: (request: IncomingMessage, response: ServerResponse, url: URL) => unknown,
): Promise<FileServer> {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const { url: path = '', headers } = request;
    asked.push({ path, range: headers.range, authorization: headers.authorization });
    await handler(request, response, new URL(path, 'http://x'));
    if (!response.writableEnded && !response.destroyed && !response.headersSent)
      response.writeHead(404).end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    asked,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** How {@link sendFile} answers. */
export interface SendOptions {
  etag?: string;
  /** Cuts the connection after so many bytes of the body. */
  cutAfterBytes?: number | undefined;
  /** Answers a Range with the whole file, as servers without ranges do. */
  ignoreRange?: boolean;
}

/** Sends a file as a server with ranges does. */
export function sendFile(
  { headers }: IncomingMessage,
  response: ServerResponse,
  content: Buffer,
  { etag = '"1"', cutAfterBytes, ignoreRange }: SendOptions = {},
): void {
  const wanted = /^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1];
  const ifRange = headers['if-range'];
  const isRange =
    wanted !== undefined && !ignoreRange && (ifRange === undefined || ifRange === etag);
  const from = isRange ? Number(wanted) : 0;
  if (from >= content.length) {
    response.writeHead(416).end();
    return;
  }
  const body = content.subarray(from);
  const range = `bytes ${from}-${content.length - 1}/${content.length}`;
  response.writeHead(isRange ? 206 : 200, {
    'content-length': body.length,
    etag,
    ...(isRange && { 'content-range': range }),
  });
  if (cutAfterBytes === undefined || cutAfterBytes >= body.length) {
    response.end(body);
    return;
  }
  response.write(body.subarray(0, cutAfterBytes), () => response.destroy());
}
