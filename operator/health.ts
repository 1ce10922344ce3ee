import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Scraped, scrape } from '../telemetry/exposition.ts';

/** What the endpoints tell. */
export interface HealthOptions extends Scraped {
  /** 0: any free port. */
  port: number;
  /** Whether the caches are filled; a standby is ready too. */
  isReady: () => boolean;
}

export interface HealthServer {
  port: number;
  close(): Promise<void>;
}

/** Serves /healthz, /readyz and /metrics. */
export async function startHealthServer(options: HealthOptions): Promise<HealthServer> {
  const { isReady } = options;
  const server = createServer((request, response) => {
    const reply = (status: number, body: string, type = 'text/plain; charset=utf-8') =>
      response.writeHead(status, { 'content-type': type }).end(body);
    switch (request.url) {
      case '/healthz':
        return reply(200, 'ok\n');
      case '/readyz':
        return isReady() ? reply(200, 'ok\n') : reply(503, 'caches are being filled\n');
      case '/metrics':
        return scrape(options, request.headers.accept).then(
          ({ contentType, body }) => reply(200, body, contentType),
          (error: unknown) => reply(500, `${error}\n`),
        );
      default:
        return reply(404, 'not found\n');
    }
  });
  server.listen(options.port);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close();
      server.closeAllConnections();
      if (server.listening) await once(server, 'close');
    },
  };
}
