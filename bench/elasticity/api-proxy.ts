import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import type { ClusterConfig } from '../../kube/config.ts';

/** A way to an API server that tells of each request as it comes by. */
export interface ApiProxy {
  /** For a kubeconfig: plain HTTP, no credentials asked for. */
  readonly url: string;
  /** Told of each request when its head is there, before it goes on. */
  onRequest: (method: string, path: string) => void;
  close(): Promise<void>;
}

/** Starts one on a free port of the loopback. */
export async function startApiProxy({
  server: target,
  credentials,
}: ClusterConfig): Promise<ApiProxy> {
  const { ca, headers: identity } = await credentials();
  const agent = new https.Agent({ keepAlive: true, ca });
  const server = http.createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    proxy.onRequest(method, url);
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
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: ApiProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    onRequest: () => {},
    async close() {
      server.close();
      server.closeAllConnections();
      agent.destroy();
    },
  };
  return proxy;
}
