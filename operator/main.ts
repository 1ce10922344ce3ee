import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { createClient } from '../kube/client.ts';
import { systemClock } from '../kube/clock.ts';
import { loadKubeConfig } from '../kube/config.ts';
import { currentReconcile } from '../kube/controller.ts';
import { createElection } from '../kube/election.ts';
import { createEventRecorder } from '../kube/events.ts';
import { createKubeMetrics } from '../kube/metrics.ts';
import { createReflector } from '../kube/reflector.ts';
import { HorizontalPodAutoscalers } from '../kube/resources.ts';
import { createOperatorMetrics, createRegistry } from '../telemetry/metrics.ts';
import { startTracing } from '../telemetry/tracing.ts';
import { readVersion } from '../telemetry/version.ts';
import { followAgents } from './adapters/agents.ts';
import { createAutoscaler } from './autoscaling/autoscaler.ts';
import { otherScalerIndexes, withoutStatus } from './autoscaling/other-scalers.ts';
import { createCanaries } from './canary/step.ts';
import { recordColdStarts } from './coldstart/record.ts';
import { createCompanionsController, createCompanionsWatched } from './companions/controller.ts';
import { ConfigError, type OperatorConfig, readConfig } from './config.ts';
import { followRouters } from './demand/routers.ts';
import {
  createExternalModelController,
  createExternalWatched,
} from './externalmodel/controller.ts';
import { startHealthServer } from './health.ts';
import { createModelDeploymentController, createWatched } from './modeldeployment/controller.ts';
import { byUid, keysOfOwned, keysOfPod } from './modeldeployment/indexes.ts';
import { traceReconciles } from './observe/reconcile-spans.ts';
import { showReplicas } from './observe/replica-metrics.ts';
import { createProber } from './probe/prober.ts';
import { serveScalers } from './scalers.ts';
import { createWarmController, createWarmWatched } from './warm/controller.ts';
import { followProgress } from './weights/progress.ts';

/** What a replica is tried and measured for waits so long: those who waited for it are answered first. */
const settleMs = 2_000;

/**
 * The operator: config → client → reflectors → health → election → controllers.
 * @param signal aborts: controllers finish, the lease is released, everything closes
 */
export async function runOperator(config: OperatorConfig, signal: AbortSignal): Promise<void> {
  const base = { program: 'operator' };
  // Every line written in a reconcile says which.
  const mixin = () => ({ ...currentReconcile() });
  const log = pino({ level: config.logLevel, base, mixin });
  const version = await readVersion();
  const registry = createRegistry('operator', version);
  const metrics = createKubeMetrics(registry);
  const shown = createOperatorMetrics(registry);
  const tracing = await startTracing('fairlead-operator', version, log);
  if (tracing.enabled) traceReconciles(tracing.tracer);
  /** Shows what this process alone may show, once it leads. */
  let beforeScrape = () => {};
  const client = createClient(await loadKubeConfig(), { userAgent: 'fairlead-operator', metrics });

  const watched = createWatched({ client, metrics, log }, config);
  const companions = createCompanionsWatched({ client, metrics, log }, config);
  const external = createExternalWatched({ client, metrics, log }, config);
  const otherScalers = createReflector({
    client,
    type: HorizontalPodAutoscalers,
    namespace: config.watchNamespace,
    indexes: otherScalerIndexes,
    transform: withoutStatus,
    metrics,
    log,
  });
  const warm = createWarmWatched({ client, metrics, log }, config);
  const reflectors = [
    ...Object.values(watched),
    ...Object.values(warm),
    ...Object.values(companions),
    external.externalModels,
    ...external.secrets,
    otherScalers,
  ];
  // Standbys follow the routers too: whoever leads next knows the load from the first moment.
  const demand = followRouters({ routers: watched.routers, nowMs: () => performance.now() });
  for (const reflector of reflectors) reflector.start();
  Promise.all(reflectors.map((reflector) => reflector.synced(signal))).then(
    () => log.info('caches are filled'),
    () => {},
  );

  const health = await startHealthServer({
    port: config.port,
    isReady: () => reflectors.every((reflector) => reflector.hasSynced()),
    registry,
    beforeScrape: () => {
      shown.spansDropped.inc({}, tracing.takeLost());
      beforeScrape();
    },
    log,
  });

  const scalers = await serveScalers(config, {
    client,
    metrics,
    log,
    modelDeployments: watched.modelDeployments,
    demand,
  });

  const election = createElection({
    client,
    namespace: config.namespace,
    name: 'fairlead-operator',
    identity: `${config.podName}_${randomUUID()}`,
    metrics,
    log,
    async onStarted(leading) {
      const writer = client.fenced(election.isLeader);
      const events = createEventRecorder({
        client: writer,
        reportingController: 'fairlead.dev/operator',
        reportingInstance: config.podName,
        log,
      });
      const common = { client: writer, metrics, log };
      const replicas = showReplicas(watched, shown, Date.now);
      beforeScrape = replicas.collect;
      const canaries = createCanaries();
      const stopListening = demand.listen({
        onRevisions: canaries.heard,
        onDraining(uid) {
          const [pod] = watched.pods.store.byIndex(byUid, uid);
          for (const key of pod ? keysOfOwned(pod) : []) models.enqueue(key);
        },
      });
      const coldStarts = recordColdStarts({
        client,
        pods: watched.pods,
        modelDeployments: watched.modelDeployments.store,
        log,
        observe: (model, stage, seconds) =>
          shown.coldStart.observe({ gen_ai_request_model: model, stage }, seconds),
        onRecorded: (key) => models.enqueue(key),
        settleMs,
      });
      const progress = followProgress({
        pods: watched.pods,
        onChange(pod) {
          for (const key of keysOfPod(watched.jobs.store, pod)) models.enqueue(key);
        },
      });
      const prober = createProber({
        nowMs: () => performance.now(),
        onNews: (key) => models.enqueue(key),
        log,
        settleMs,
      });
      const agents = followAgents({
        podOf: (uid) => watched.pods.store.byIndex(byUid, uid)[0],
        onNews: (pod) => {
          for (const key of keysOfOwned(pod)) models.enqueue(key);
        },
      });
      const autoscaler = createAutoscaler({
        client: writer,
        events,
        modelDeployments: watched.modelDeployments,
        otherScalers,
        demand,
        metrics: shown,
        log,
        clock: systemClock,
        wallMs: () => Date.now(),
        onVerdict: (key) => models.enqueue(key),
      });
      const models = createModelDeploymentController(
        common,
        watched,
        external.externalModels,
        events,
        config,
        demand,
        coldStarts,
        prober,
        agents,
        canaries,
        autoscaler,
        progress.of,
      );
      const controllers = [
        models,
        createCompanionsController(common, companions, watched.modelDeployments, events, config),
        createExternalModelController(common, external, watched.modelDeployments, config),
        createWarmController(common, warm, watched.modelDeployments, watched.revisions, config),
      ];
      // It knows all before the first status is written, or a restart would take its condition away.
      const known = [watched.modelDeployments, watched.routers, otherScalers];
      await Promise.all(known.map((one) => one.synced(leading))).then(
        () => autoscaler.start(),
        () => {},
      );
      await Promise.all(controllers.map((one) => one.start(leading))).catch((error: unknown) => {
        if (!leading.aborted) throw error;
      });
      if (!leading.aborted)
        await new Promise((resolve) => leading.addEventListener('abort', resolve, { once: true }));
      await Promise.all(controllers.map((one) => one.stop()));
      await autoscaler.stop();
      await progress.stop();
      await prober.stop();
      agents.stop();
      coldStarts.stop();
      stopListening();
      await events.flush();
    },
  });

  try {
    await election.run(signal);
  } finally {
    await scalers.close();
    await demand.stop();
    await Promise.all(reflectors.map((reflector) => reflector.stop()));
    await health.close();
    await client.close();
    await tracing.shutdown();
  }
}

if (import.meta.main) {
  const stopping = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const)
    process.once(name, () => stopping.abort(new Error(`received ${name}`)));
  try {
    await runOperator(readConfig(process.env), stopping.signal);
  } catch (error) {
    const message = error instanceof ConfigError ? error.message : error;
    pino({ base: { program: 'operator' } }).fatal({ err: message }, 'the operator ended');
    process.exitCode = 1;
  }
}
