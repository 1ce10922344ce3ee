import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Logger } from '../../kube/logger.ts';
import type { Reflector } from '../../kube/reflector.ts';
import type { ConfigMap } from '../../kube/resources.ts';
import type { MayRead } from './access.ts';
import { type Answer, discovery, questionOf, refusal, type Sources, valuesOf } from './answers.ts';
import { callerOf, type FrontProxy, frontProxyOf, frontProxyRef } from './caller.ts';

export interface ExternalMetricsOptions {
  /** 0: any free port. */
  port: number;
  /** PEM texts of the serving certificate. */
  tls: { cert: string; key: string };
  /** Of the ConfigMap that says how the API server proves itself. */
  configMaps: Pick<Reflector<ConfigMap>, 'addHandler' | 'store'>;
  mayRead: MayRead;
  sources: Sources;
  log: Logger;
}

export interface ExternalMetricsServer {
  port: number;
  close(): Promise<void>;
}

/** Serves `external.metrics.k8s.io` to the API server, which asks for HorizontalPodAutoscalers. Every operator does. */
export async function serveExternalMetrics(
  options: ExternalMetricsOptions,
): Promise<ExternalMetricsServer> {
  const { tls, configMaps, mayRead, sources, log } = options;
  let proxy: FrontProxy | undefined;
  const server = createServer({ ...tls, requestCert: true, rejectUnauthorized: false });
  const key = `${frontProxyRef.namespace}/${frontProxyRef.name}`;
  const removeHandler = configMaps.addHandler(() => {
    proxy = frontProxyOf(configMaps.store.get(key));
    // Its authority changes without a restart of anything.
    server.setSecureContext({ ...tls, ...(proxy && { ca: proxy.ca }) });
  });

  async function answer(request: IncomingMessage): Promise<Answer> {
    const caller = proxy && callerOf(request, proxy);
    if (!caller) return refusal(401, 'Unauthorized', 'only the API server may ask here');
    const question = questionOf(request.url ?? '');
    if (request.method !== 'GET' || question.kind === 'unknown')
      return refusal(404, 'NotFound', 'there are only values of metrics to get');
    if (question.kind === 'discovery') return discovery();
    if (await mayRead(caller, question.namespace, question.metric))
      return valuesOf(question, sources);
    return refusal(403, 'Forbidden', `${caller.user} may not list ${question.metric}`);
  }

  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    void answer(request)
      .catch((error: unknown) => {
        log.warn({ err: error, url: request.url }, 'external metrics: no answer');
        return refusal(500, 'InternalError', 'see the log of the operator');
      })
      .then(({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(JSON.stringify(body));
      });
  });
  server.listen(options.port);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      removeHandler();
      await closed(server);
    },
  };
}

async function closed(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  if (server.listening) await once(server, 'close');
}
