import { type ModelDeployment, ModelDeployments } from '../../crds/modeldeployment.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Clock } from '../../kube/clock.ts';
import { FencedError, isNotFound } from '../../kube/errors.ts';
import type { EventRecorder } from '../../kube/events.ts';
import type { Logger } from '../../kube/logger.ts';
import { keyOf } from '../../kube/object.ts';
import type { Reflector } from '../../kube/reflector.ts';
import type { HorizontalPodAutoscaler } from '../../kube/resources.ts';
import type { ScaleDirection } from '../../telemetry/contract/values.ts';
import type { OperatorMetrics } from '../../telemetry/metrics.ts';
import type { ModelLoad, RouterDemand } from '../demand/routers.ts';
import { otherScalerOf, targetOf } from './other-scalers.ts';
import type { DecisionReason } from './policy.ts';
import { type Look, ScaledModel } from './scaled-model.ts';
import { noteOf, type ScalingVerdict, verdictOf } from './words.ts';

/** What the autoscaler works with. */
export interface AutoscalerOptions {
  /** Fenced: writes fail once this process does not lead. */
  client: Pick<KubeClient, 'patch'>;
  events: EventRecorder;
  modelDeployments: Pick<Reflector<ModelDeployment>, 'addHandler' | 'store'>;
  /** With the index of other-scalers.ts. */
  otherScalers: Pick<Reflector<HorizontalPodAutoscaler>, 'addHandler' | 'store'>;
  demand: Pick<RouterDemand, 'loadOf' | 'listen'>;
  metrics: Pick<OperatorMetrics, (typeof shownOfEach)[number]>;
  log: Logger;
  clock: Clock;
  /** Milliseconds since 1970. */
  wallMs: () => number;
  /** A verdict has changed, of the ModelDeployment of this key. */
  onVerdict: (key: string) => void;
}

export interface Autoscaler {
  /** Looks at every model there is, and from then on at what changes. What it observes must be complete. */
  start(): void;
  /** The condition `ScalingLimited`; undefined where nothing is scaled, or not yet looked at. */
  verdictOf(key: string): ScalingVerdict | undefined;
  /** Nothing is written any more once it resolves. */
  stop(): Promise<void>;
}

const fieldManager = 'fairlead-autoscaler';
const shownOfEach = [
  'autoscalerSignal',
  'autoscalerTarget',
  'autoscalerDesiredReplicas',
  'autoscalerMaxReplicas',
  'autoscalerDecisions',
] as const;
/** Which decisions there can be. */
const possible: readonly [ScaleDirection, DecisionReason][] = [
  ['up', 'first_request'],
  ['up', 'burst'],
  ['up', 'load'],
  ['up', 'floor'],
  ['down', 'load'],
  ['down', 'idle'],
  ['down', 'ceiling'],
];

/**
 * The autoscaler. Looks at a model when a router says something of it, when its object or another scaler of it
 * changes, and when the policy asks for it; never polls.
 * Observes: ModelDeployments, HorizontalPodAutoscalers, what routers say.
 * Writes: the scale of ModelDeployments that have `autoscaling` and no other scaler; Events; metrics.
 * Never writes: anything of a ModelDeployment without `autoscaling`, or one that is paused.
 */
export function createAutoscaler(options: AutoscalerOptions): Autoscaler {
  const { client, events, modelDeployments, otherScalers, demand, log, clock, wallMs } = options;
  const models = new Map<string, ScaledModel>();
  const writes = new Set<Promise<void>>();
  const stopping = new AbortController();

  function look(key: string, isActive: boolean): void {
    const deployment = modelDeployments.store.get(key);
    const autoscaling = deployment?.spec.autoscaling;
    if (!autoscaling || deployment.metadata.deletionTimestamp !== undefined) {
      forget(key);
      return;
    }
    const model = modelOf(key, deployment);
    const load = demand.loadOf(key);
    const nowMs = clock.nowMs();
    const times = { nowMs, wallMs: wallMs() };
    const seen = model.look(deployment, autoscaling, load, isActive, times);
    const otherScaler = otherScalerOf(otherScalers.store, key);
    const mayWrite = otherScaler === undefined && deployment.spec.paused !== true;
    if (mayWrite && seen.decision.desired !== seen.asked && model.mayWrite(nowMs))
      write(key, model, deployment, seen, load);
    show(model, seen, load);
    judge(key, model, seen, otherScaler);
    lookAgain(key, model, Math.min(seen.againInMs, model.pauseLeftMs(nowMs)));
  }

  function modelOf(key: string, deployment: ModelDeployment): ScaledModel {
    const known = models.get(key);
    if (known?.isOf(deployment)) return known;
    forget(key);
    const model = new ScaledModel(deployment);
    models.set(key, model);
    // A counter that begins with its first event hides that one from every rate.
    for (const [direction, reason] of possible)
      options.metrics.autoscalerDecisions.inc(
        { gen_ai_request_model: model.servedName, direction, reason },
        0,
      );
    return model;
  }

  function write(
    key: string,
    model: ScaledModel,
    deployment: ModelDeployment,
    seen: Look,
    load: ModelLoad,
  ): void {
    const { desired, reason } = seen.decision;
    const { name, namespace } = deployment.metadata;
    const { signal } = stopping;
    const scale = { spec: { replicas: desired } };
    const call = { patchType: 'merge', subresource: 'scale', fieldManager, signal } as const;
    model.writes(deployment, desired);
    const written = client.patch(ModelDeployments, { name, namespace }, scale, call).then(
      () => {
        model.wrote();
        told(model, deployment, seen, load);
      },
      (error: unknown) => {
        model.failed(clock.nowMs());
        if (signal.aborted || error instanceof FencedError || isNotFound(error)) return;
        log.warn({ err: error, model: key, replicas: desired, reason }, 'scaling failed');
      },
    );
    const done = written.then(() => {
      writes.delete(done);
      if (models.get(key) === model) look(key, false);
    });
    writes.add(done);
  }

  function told(
    { servedName }: ScaledModel,
    deployment: ModelDeployment,
    seen: Look,
    load: ModelLoad,
  ): void {
    const { asked, config, decision } = seen;
    const { desired, reason } = decision;
    const isUp = desired > asked;
    const labels = { gen_ai_request_model: servedName, direction: isUp ? 'up' : 'down', reason };
    options.metrics.autoscalerDecisions.inc(labels);
    log.info({ model: keyOf(deployment), from: asked, to: desired, reason }, 'scaled');
    events.record(deployment, {
      type: 'Normal',
      reason: isUp ? 'ScaledUp' : 'ScaledDown',
      action: 'Scale',
      note: noteOf(asked, decision, load, config),
    });
  }

  function show({ servedName }: ScaledModel, { decision, config }: Look, load: ModelLoad): void {
    const labels = { gen_ai_request_model: servedName };
    const { metrics } = options;
    metrics.autoscalerSignal.set(labels, load.inFlight + load.held);
    metrics.autoscalerTarget.set(labels, config.inFlightPerReplica);
    metrics.autoscalerDesiredReplicas.set(labels, decision.desired);
    metrics.autoscalerMaxReplicas.set(labels, config.maxReplicas);
  }

  function judge(key: string, model: ScaledModel, seen: Look, otherScaler?: string): void {
    const { decision, config, schedules } = seen;
    const { problems: scheduleProblems } = schedules;
    const verdict = verdictOf({ decision, config, otherScaler, scheduleProblems });
    const before = model.verdict;
    model.verdict = verdict;
    if (before?.reason !== verdict.reason || before.message !== verdict.message)
      options.onVerdict(key);
  }

  function lookAgain(key: string, model: ScaledModel, againInMs: number): void {
    model.cancelTimer?.();
    model.cancelTimer = Number.isFinite(againInMs)
      ? clock.after(againInMs, () => look(key, false))
      : undefined;
  }

  function forget(key: string): void {
    const model = models.get(key);
    if (!model) return;
    model.cancelTimer?.();
    models.delete(key);
    for (const name of shownOfEach)
      options.metrics[name].retain((labels) => labels.gen_ai_request_model !== model.servedName);
  }

  const ends: (() => void)[] = [];
  const follow = () => [
    demand.listen({
      onModel: (key) => look(key, true),
      onRouters: () => {
        for (const key of models.keys()) look(key, false);
      },
    }),
    otherScalers.addHandler((before, after) => {
      const scalers = [before, after].filter((one) => one !== undefined);
      for (const key of scalers.flatMap(targetOf)) look(key, false);
    }),
    modelDeployments.addHandler((before, after) => {
      const deployment = after ?? before;
      if (deployment) look(keyOf(deployment), false);
    }),
  ];

  return {
    start() {
      if (!stopping.signal.aborted) ends.push(...follow());
    },
    verdictOf: (key) => models.get(key)?.verdict,
    async stop() {
      stopping.abort();
      for (const end of ends) end();
      for (const key of [...models.keys()]) forget(key);
      await Promise.all(writes);
    },
  };
}
