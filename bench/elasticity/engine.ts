import { fork } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** How an engine answers. */
export interface EngineState {
  /** What its health check says. */
  isHealthy: boolean;
  /** While true, requests wait. */
  isBusy: boolean;
}

/** An engine that answers at once, or when it is told to; a process of its own. */
export interface BenchEngine {
  readonly port: number;
  set(state: Partial<EngineState>): void;
  close(): void;
}

const answer = JSON.stringify({ choices: [{ index: 0, message: { content: 'ok' } }] });

/** Starts one that is well and not busy. */
export async function startBenchEngine(): Promise<BenchEngine> {
  const child = fork(import.meta.filename);
  process.on('exit', () => child.kill('SIGKILL'));
  const [port] = await once(child, 'message');
  return { port, set: (state) => void child.send(state), close: () => void child.kill() };
}

function serve(): void {
  const state: EngineState = { isHealthy: true, isBusy: false };
  const waiting = new Set<http.ServerResponse>();
  const reply = (response: http.ServerResponse) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
  const server = http.createServer((request, response) => {
    if (request.url === '/health') return response.writeHead(state.isHealthy ? 200 : 503).end();
    request.resume();
    if (state.isBusy) return waiting.add(response);
    return reply(response);
  });
  process.on('message', (told: Partial<EngineState>) => {
    Object.assign(state, told);
    if (state.isBusy) return;
    for (const response of waiting) reply(response);
    waiting.clear();
  });
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
}

if (import.meta.main) serve();
