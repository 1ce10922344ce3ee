import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { encodeDemand } from '../demand.ts';

type Line = Parameters<typeof encodeDemand>[0];

/** A router that says what it is told to, to everyone who follows it. */
export interface StreamServer {
  readonly origin: string;
  /** How many follow now. */
  followers(): number;
  /** Says it to those who follow now; `full` is also what whoever comes later hears first. */
  say(line: Partial<Line>): void;
  /** Cuts every stream; new ones are taken. */
  cut(): void;
  stop(): void;
}

/** Starts one on a free port of the loopback. @param router as it calls itself */
export async function startStreamServer(router: string): Promise<StreamServer> {
  const streams = new Set<ServerResponse>();
  const empty: Line = { full: true, router, models: [], pods: [], tenants: [] };
  let first = empty;
  const server = createServer((_request, response) => {
    response.writeHead(200);
    response.write(encodeDemand(first));
    streams.add(response);
    response.on('close', () => streams.delete(response));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    followers: () => streams.size,
    say(line) {
      const whole = { ...empty, full: false, ...line };
      if (whole.full) first = whole;
      for (const stream of streams) stream.write(encodeDemand(whole));
    },
    cut: () => server.closeAllConnections(),
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}
