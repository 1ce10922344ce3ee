import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { adaptersFolder, reportPath, reportPort, secretsFolder, wantedFile } from '../protocol.ts';
import { createAgent } from './agent.ts';
import { vllmAdapters } from './engine.ts';

/**
 * `node operator/adapters/agent/main.ts <engine's port>`, run beside the engine of a model with adapters: loads
 * and unloads them while the engine serves, and tells how far it is.
 */
const lookEveryMs = 1_000;
const stopping = new AbortController();
const { signal } = stopping;
const log = (line: string) => console.log(`${new Date().toISOString()} ${line}`);

const agent = createAgent({
  engine: vllmAdapters(`http://127.0.0.1:${process.argv[2]}`),
  folder: adaptersFolder,
  wantedFile,
  secretsFolder,
  env: process.env,
  log,
  nowMs: () => performance.now(),
});
const server = createServer((request, response) => {
  const isAsked = request.method === 'GET' && request.url === reportPath;
  response.writeHead(isAsked ? 200 : 404, { 'content-type': 'application/json' });
  response.end(JSON.stringify(isAsked ? agent.report() : {}));
});
server.listen(reportPort);
process.once('SIGTERM', () => stopping.abort());

while (!signal.aborted) {
  await agent.step(signal).catch((error: unknown) => log(String(error)));
  await delay(lookEveryMs, undefined, { signal }).catch(() => {});
}
server.close();
server.closeAllConnections();
