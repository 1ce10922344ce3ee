import { fork } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { loadKubeConfig } from '../../kube/config.ts';

/** A change of an object that came by, when its head was there. */
export interface SeenPatch {
  path: string;
  /** Of the clock that all processes of this machine share. */
  atMs: number;
}

/** A way to an API server, a process of its own, that tells of each change as it comes by. */
export interface ApiProxy {
  /** For a kubeconfig: plain HTTP, no credentials asked for. */
  readonly url: string;
  onPatch: (patch: SeenPatch) => void;
  close(): void;
}

/** The machine's monotonic clock, the same in every process. */
export function sharedNowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Starts one on a free port of the loopback. */
export async function startApiProxy(kubeconfigPath: string): Promise<ApiProxy> {
  const child = fork(import.meta.filename, [kubeconfigPath]);
  process.on('exit', () => child.kill('SIGKILL'));
  const [url] = await once(child, 'message');
  const proxy: ApiProxy = { url, onPatch: () => {}, close: () => void child.kill() };
  child.on('message', (patch: SeenPatch) => proxy.onPatch(patch));
  return proxy;
}

async function serve(kubeconfigPath: string): Promise<void> {
  const { server: target, credentials } = await loadKubeConfig({ kubeconfigPath });
  const { ca, headers: identity } = await credentials();
  const agent = new https.Agent({ keepAlive: true, ca });
  const server = http.createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    if (method === 'PATCH') process.send?.({ path: url, atMs: sharedNowMs() } satisfies SeenPatch);
    const forwarded = https.request(
      new URL(url, target),
      { method, agent, headers: { ...headers, ...identity } },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        response.flushHeaders();
        answer.pipe(response);
      },
    );
    forwarded.on('error', () => response.destroy());
    response.on('close', () => forwarded.destroy());
    request.pipe(forwarded);
  });
  server.listen(0, '127.0.0.1', () => {
    process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
}

if (import.meta.main) await serve(process.argv[2] ?? '');
