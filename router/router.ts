import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Agent } from 'undici';
import type { KubeClient } from '../kube/client.ts';
import type { Logger } from '../kube/logger.ts';
import { createKubeMetrics } from '../kube/metrics.ts';
import { createRegistry, createRouterMetrics } from '../telemetry/metrics.ts';
import { RequestTelemetry, type RequestTelemetryOptions } from '../telemetry/request-telemetry.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import { Access } from './access/access.ts';
import { watchKeys } from './access/watch.ts';
import { createBalancer } from './balance/balancer.ts';
import { KvCapacities } from './balance/kv-capacity.ts';
import { metered, showBackends } from './balance/metered.ts';
import { ReplicaLoads } from './balance/replica-loads.ts';
import { RevisionAnswers } from './canary/answers.ts';
import { watchCatalog } from './catalog/watch.ts';
import type { RouterConfig } from './config.ts';
import { BlockPublisher } from './demand/block-publisher.ts';
import { DemandLedger } from './demand/ledger.ts';
import { DemandPublisher } from './demand/publisher.ts';
import { serveDemand } from './demand/serve.ts';
import { snapshotOf } from './demand/snapshot.ts';
import { Ejections } from './ejection/ejections.ts';
import { Hold } from './hold/hold.ts';
import { Housekeeping } from './housekeeping.ts';
import { createInternalServer } from './internal-server.ts';
import { KvEvents } from './kv-events/kv-events.ts';
import { Neighbours } from './neighbours/neighbours.ts';
import { watchNeighbours } from './neighbours/watch.ts';
import { Deadlines } from './relay/deadlines.ts';
import { RetryBudgets } from './relay/retry-budget.ts';
import { Upstreams } from './relay/upstreams.ts';
import { createServer } from './server.ts';
import { drainServer } from './shutdown.ts';

/** What a router is made of. */
export interface RouterDependencies {
  config: RouterConfig;
  client: KubeClient;
  log: Logger;
  /** Where the one line a request goes; absent: nowhere. */
  accessLog: RequestTelemetryOptions['accessLog'];
  tracing: Tracing;
  version: string;
}

/** A router that runs. */
export interface Router {
  /** Where clients are served, such as `http://127.0.0.1:8080`. */
  readonly address: string;
  /** Where health and metrics are served. */
  readonly internalAddress: string;
  /** Requests that are held or open. */
  inFlight(): number;
  /** What is known of the other routers. */
  readonly neighbours: Neighbours;
  /** What is known of replicas. */
  readonly loads: ReplicaLoads;
  isReady(): boolean;
  /** Stops being ready, goes on serving for the lame-duck time, finishes open answers, ends. */
  shutdown(): Promise<void>;
}

/**
 * Starts a router: both ports listen at once; it is ready when the catalog and the keys have been read.
 * @throws Error when a port cannot be had
 */
export async function startRouter(dependencies: RouterDependencies): Promise<Router> {
  const { config, client, log, tracing, version } = dependencies;
  const nowMs = () => performance.now();
  const registry = createRegistry('router', version);
  const metrics = createRouterMetrics(registry);
  const accessLog = config.accessLog ? dependencies.accessLog : undefined;
  const telemetry = new RequestTelemetry({ metrics, tracing, accessLog, nowMs });
  const upstreams = new Upstreams();
  const loads = new ReplicaLoads();
  const toEngines = new Agent();
  const capacities = new KvCapacities((id, tokens) => loads.setKvTokens(id, tokens), toEngines);
  const blocks = new BlockPublisher(() => loads.blocks());
  const kvEvents = new KvEvents(loads, randomUUID(), blocks.dropped, log);
  const loadChanged = () => {
    demand.changed();
    hold.pump();
  };
  const told = { changed: loadChanged, prompted: blocks.prompted };
  const balancer = metered(createBalancer(Math.random, nowMs, told, loads), metrics, nowMs);
  const budgets = new RetryBudgets(nowMs);
  const ejections = new Ejections(nowMs, ({ servedName }, { namespace, pod }, reason, out_ms) => {
    metrics.ejections.inc({ gen_ai_request_model: servedName, reason });
    log.warn({ model: servedName, namespace, pod, reason, out_ms }, 'replica ejected');
  });
  const kubeMetrics = createKubeMetrics(registry);
  const { mode, namespace } = config.auth;
  const id = randomUUID();
  const neighbours = new Neighbours(id, () => hold.pump(), nowMs, loads);
  const elsewhere = (tenant: string) => neighbours.useOf(tenant);
  const access = new Access({ mode, nowMs, wallClockMs: Date.now, elsewhere });
  const watching = { client, namespace, access, log, metrics: kubeMetrics };
  const keys = mode === 'off' ? undefined : watchKeys(watching);
  let draining = false;
  const ledger = new DemandLedger();
  const answers = new RevisionAnswers(nowMs, () => demand.changed());
  const deadlines = new Deadlines(nowMs);
  const hold = new Hold({
    ...{ router: id, load: balancer, neighbours, deadlines, nowMs },
    limitBytes: config.holdLimitBytes,
    changed: (isFirst) => (isFirst ? demand.changedNow() : demand.changed()),
  });

  const catalog = watchCatalog({
    client,
    namespace: config.watchNamespace,
    externalNamespaces: config.externalNamespaces,
    log,
    metrics: kubeMetrics,
    onChange: (changed) => {
      balancer.retain(changed.models.flatMap((model) => model.replicas));
      hold.update(changed);
      demand.changed();
      housekeeping.changed();
    },
  });
  const housekeeping = new Housekeeping({
    ...{ catalog, upstreams, kvEvents, capacities, ejections, budgets, ledger, answers, metrics },
  });
  const others =
    config.ownPod &&
    watchNeighbours({
      ...{ client, log, metrics: kubeMetrics, neighbours },
      ...{ namespace: config.ownPod.namespace, podName: config.ownPod.name },
    });
  let synced = false;
  const isReady = () => synced && !draining;
  const internal = createInternalServer({
    ...{ isReady, registry, log },
    beforeScrape: () => {
      const ageMs = Math.max(catalog.ageMs(), keys?.lastEventAgeMs() ?? 0);
      metrics.catalogAge.set({}, ageMs / 1000);
      metrics.spansDropped.inc({}, tracing.takeLost());
      showBackends(balancer, ejections, metrics, catalog.current().models);
    },
  });
  const demand = new DemandPublisher(id, () =>
    snapshotOf({
      ...{ catalog: catalog.current(), load: balancer, ledger },
      ...{ waiting: hold.waiting(), tenants: access.use(), revisions: answers.told() },
    }),
  );
  serveDemand(internal, demand, blocks);
  const server = createServer({
    access,
    catalog,
    telemetry,
    relaying: {
      ...{ upstreams, balancer, ejections, budgets, hold, ledger, answers, deadlines },
      streamUsage: config.streamUsage,
    },
    nowMs,
    log,
    bodyLimitBytes: config.bodyLimitBytes,
    requestTimeoutMs: config.requestTimeoutMs,
    corsOrigins: config.corsOrigins,
    isDraining: () => draining,
  });

  const internalAddress = await internal.listen({ host: config.host, port: config.internalPort });
  catalog.start();
  keys?.start();
  others?.start();
  const stopping = new AbortController();
  Promise.all([catalog.synced(stopping.signal), keys?.synced(stopping.signal)]).then(
    () => {
      synced = true;
      log.info({ models: catalog.current().models.length }, 'ready');
    },
    () => {},
  );
  const address = await server.listen({ host: config.host, port: config.port });
  log.info({ address, internal_address: internalAddress }, 'listening');

  return {
    address,
    internalAddress,
    inFlight: () => balancer.total + hold.total,
    neighbours,
    loads,
    isReady,
    async shutdown() {
      draining = true;
      log.info({ in_flight: balancer.total, lame_duck_ms: config.lameDuckMs }, 'shutting down');
      await delay(config.lameDuckMs);
      const finished = await drainServer(server, config.drainTimeoutMs);
      if (!finished) log.warn({}, 'answers were cut off: the drain timeout is over');
      stopping.abort(new Error('shutting down'));
      demand.close();
      housekeeping.stop();
      capacities.retain([]);
      kvEvents.retain([]);
      await Promise.all([others?.stop(), neighbours.stop(), toEngines.destroy()]);
      await Promise.all([catalog.stop(), keys?.stop(), upstreams.close(), tracing.shutdown()]);
      await Promise.all([client.close(), internal.close()]);
      log.info({}, 'stopped');
    },
  };
}
