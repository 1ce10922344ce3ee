import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** An engine that answers at once, or when it is told to. */
export interface BenchEngine {
  readonly port: number;
  /** What its health check answers. */
  isHealthy: boolean;
  /** While true, requests wait for {@link release}. */
  isBusy: boolean;
  /** Answers all that wait. */
  release(): void;
  close(): void;
}

const answer = JSON.stringify({ choices: [{ index: 0, message: { content: 'ok' } }] });

export async function startBenchEngine(): Promise<BenchEngine> {
  const waiting = new Set<http.ServerResponse>();
  const reply = (response: http.ServerResponse) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
  const server = http.createServer((request, response) => {
    if (request.url === '/health') return response.writeHead(engine.isHealthy ? 200 : 503).end();
    request.resume();
    if (engine.isBusy) return waiting.add(response);
    return reply(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const engine: BenchEngine = {
    port: (server.address() as AddressInfo).port,
    isHealthy: true,
    isBusy: false,
    release() {
      for (const response of waiting) reply(response);
      waiting.clear();
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
  return engine;
}
