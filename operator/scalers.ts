import { readFileSync } from 'node:fs';
import type { ModelDeployment } from '../crds/modeldeployment.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Logger } from '../kube/logger.ts';
import type { KubeMetrics } from '../kube/metrics.ts';
import { createReflector, type Reflector } from '../kube/reflector.ts';
import { ConfigMaps } from '../kube/resources.ts';
import type { OperatorConfig } from './config.ts';
import type { RouterDemand } from './demand/routers.ts';
import { createMayRead } from './external-metrics/access.ts';
import { frontProxyRef } from './external-metrics/caller.ts';
import { serveExternalMetrics } from './external-metrics/server.ts';
import { serveKeda } from './keda/server.ts';

export interface ScalersOptions {
  client: KubeClient;
  metrics: KubeMetrics;
  log: Logger;
  modelDeployments: Reflector<ModelDeployment>;
  demand: RouterDemand;
}

/**
 * Serves the load of models to other autoscalers, as far as the settings ask for it: to HorizontalPodAutoscalers
 * as an external metric, to KEDA by gRPC. Standbys do too, for they know as much.
 */
export async function serveScalers(
  { externalMetrics, kedaPort }: Pick<OperatorConfig, 'externalMetrics' | 'kedaPort'>,
  { client, metrics, log, modelDeployments, demand }: ScalersOptions,
): Promise<{ close(): Promise<void> }> {
  const { store } = modelDeployments;
  const closing: (() => Promise<void>)[] = [];
  if (externalMetrics) {
    const { certFile, keyFile, port } = externalMetrics;
    const { namespace, name } = frontProxyRef;
    const fieldSelector = `metadata.name=${name}`;
    const of = { client, type: ConfigMaps, namespace, fieldSelector, metrics, log };
    const configMaps = createReflector(of);
    configMaps.start();
    const server = await serveExternalMetrics({
      port,
      tls: { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') },
      configMaps,
      mayRead: createMayRead(client, () => performance.now()),
      sources: {
        modelsOf: (of) => store.list().filter(({ metadata }) => metadata.namespace === of),
        loadOf: demand.loadOf,
        nowMs: () => Date.now(),
      },
      log,
    });
    log.info({ port: server.port }, 'external metrics are served');
    closing.push(server.close, configMaps.stop);
  }
  if (kedaPort !== undefined) {
    const sources = { modelOf: (key: string) => store.get(key), loadOf: demand.loadOf };
    const server = await serveKeda(kedaPort, sources, demand);
    log.info({ port: server.port }, 'the scaler for KEDA is served');
    closing.push(server.close);
  }
  return {
    async close() {
      for (const close of closing) await close();
    },
  };
}
