import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { type Clock, systemClock } from './clock.ts';
import { isConflict, KubeApiError } from './errors.ts';
import type { ChangeSource } from './handlers.ts';
import { type Logger, silentLogger } from './logger.ts';
import type { KubeMetrics } from './metrics.ts';
import type { KubeObject } from './object.ts';
import { createWorkQueue, type Priority, type WorkQueue } from './queue.ts';
import type { Reflector } from './reflector.ts';

/** What a reconcile may return; nothing means done. */
// biome-ignore lint/suspicious/noConfusingVoidType: a reconcile that has nothing to say returns nothing
export type Result = { requeueAfterMs?: number | undefined } | void;

/** No repeat can mend this; thrown from a reconcile it is counted and logged, and the key waits for a change. */
export class TerminalError extends Error {
  override name = 'TerminalError';
}

/** Which reconcile the present code runs in. */
export interface ReconcileScope {
  controller: string;
  key: string;
  reconcileId: string;
}

/** What a reconcile gets besides its key. */
export interface ReconcileContext {
  reconcileId: string;
  /** Carries controller, key and reconcileId. */
  log: Logger;
  /** Aborts when the reconcile's deadline passes or the controller gives up waiting for it in `stop`. */
  signal: AbortSignal;
}

export interface ControllerOptions {
  name: string;
  /** Reads everything, decides, writes everything. A throw is repeated with growing delays. */
  reconcile: (key: string, context: ReconcileContext) => Promise<Result>;
  /** Keys worked on at once. Default 1. */
  workers?: number | undefined;
  queue?: WorkQueue | undefined;
  metrics?: KubeMetrics | undefined;
  log?: Logger | undefined;
  /** Default 60,000. */
  reconcileTimeoutMs?: number | undefined;
  /** How long `stop` lets reconciles end by themselves before it aborts their signal. Default 10,000. */
  stopTimeoutMs?: number | undefined;
  clock?: Clock | undefined;
}

export interface Controller {
  /** Enqueues `toKeys(object)` for every change: before and after for an update; low priority from lists. */
  watch<T extends KubeObject>(
    reflector: Reflector<T>,
    toKeys: (object: T) => readonly string[],
  ): void;
  enqueue(key: string, options?: { priority?: Priority | undefined; afterMs?: number }): void;
  /** Resolves when every watched reflector has synced and the workers run. */
  start(signal?: AbortSignal): Promise<void>;
  /** Resolves when no reconcile runs any more. */
  stop(): Promise<void>;
}

const scopes = new AsyncLocalStorage<ReconcileScope>();

/** The reconcile that the caller runs in, for loggers and tracers; undefined outside of one. */
export function currentReconcile(): ReconcileScope | undefined {
  return scopes.getStore();
}

/** Workers over a queue of keys (controller-runtime, pkg/internal/controller/controller.go). */
export function createController(options: ControllerOptions): Controller {
  const { name, workers = 1, metrics, clock = systemClock, log = silentLogger } = options;
  const { reconcileTimeoutMs = 60_000, stopTimeoutMs = 10_000 } = options;
  const queue = options.queue ?? createWorkQueue({ name, metrics, clock });
  const controller = { controller: name };
  const reflectors: Pick<Reflector<KubeObject>, 'synced'>[] = [];
  const unwatch: (() => void)[] = [];
  const stopping = new AbortController();
  const running = new Set<AbortController>();
  let started: Promise<void> | undefined;

  async function work(): Promise<void> {
    for (let key = await queue.get(); key !== undefined; key = await queue.get()) {
      metrics?.activeWorkers.inc(controller);
      await reconcileOne(key);
      queue.done(key);
      metrics?.activeWorkers.dec(controller);
    }
  }

  async function reconcileOne(key: string): Promise<void> {
    const scope = { controller: name, key, reconcileId: randomUUID() };
    const context = log.child({ ...scope });
    const deadline = new AbortController();
    running.add(deadline);
    const cancelTimer = clock.after(reconcileTimeoutMs, () =>
      deadline.abort(new Error(`reconcile of ${key} took longer than ${reconcileTimeoutMs} ms`)),
    );
    const startMs = clock.nowMs();
    const given = { reconcileId: scope.reconcileId, log: context, signal: deadline.signal };
    let result: string;
    try {
      const outcome = await scopes.run(scope, () => options.reconcile(key, given));
      queue.forget(key);
      const afterMs = outcome?.requeueAfterMs;
      if (afterMs !== undefined) queue.addAfter(key, afterMs);
      result = afterMs === undefined ? 'success' : 'requeue_after';
    } catch (error) {
      result = settleError(key, error, context);
    }
    cancelTimer();
    running.delete(deadline);
    metrics?.reconciles.inc({ ...controller, result });
    metrics?.reconcileSeconds.observe(controller, (clock.nowMs() - startMs) / 1000);
  }

  /** Decides about the repeat and returns the outcome for the metric. */
  function settleError(key: string, error: unknown, context: Logger): 'requeue' | 'error' {
    if (isConflict(error)) {
      // The cache was behind; the event that updates it is on its way.
      queue.addRateLimited(key);
      context.debug({ err: error }, 'reconcile met a conflict');
      return 'requeue';
    }
    const isTerminal = error instanceof TerminalError;
    const retryAfterMs = error instanceof KubeApiError ? error.retryAfterMs : undefined;
    if (isTerminal) queue.forget(key);
    else if (retryAfterMs) queue.addAfter(key, retryAfterMs);
    else queue.addRateLimited(key);
    if (isTerminal) metrics?.terminalErrors.inc(controller);
    metrics?.reconcileErrors.inc(controller);
    context.error({ err: error }, isTerminal ? 'reconcile failed for good' : 'reconcile failed');
    return 'error';
  }

  return {
    watch(reflector, toKeys) {
      const tell = (source: ChangeSource, ...objects: Parameters<typeof toKeys>[0][]) => {
        const priority = source === 'list' ? 'low' : 'normal';
        for (const key of new Set(objects.flatMap(toKeys))) queue.add(key, { priority });
      };
      const remove = reflector.addHandler({
        added: (object, source) => tell(source, object),
        updated: (before, after, source) => tell(source, before, after),
        deleted: (lastKnown, source) => tell(source, lastKnown),
      });
      unwatch.push(remove);
      reflectors.push(reflector);
    },
    enqueue(key, { priority, afterMs } = {}) {
      if (afterMs === undefined) queue.add(key, { priority });
      else queue.addAfter(key, afterMs);
    },
    async start(signal) {
      const until = signal ? AbortSignal.any([signal, stopping.signal]) : stopping.signal;
      started ??= Promise.all(reflectors.map((one) => one.synced(until))).then(() => {
        metrics?.maxConcurrent.set(controller, workers);
        for (let worker = 0; worker < workers; worker++) void work();
      });
      await started;
    },
    async stop() {
      stopping.abort(new Error(`controller ${name} stopped`));
      for (const remove of unwatch) remove();
      const giveUp = clock.after(stopTimeoutMs, () => {
        for (const deadline of running) deadline.abort(stopping.signal.reason);
      });
      await queue.stop();
      giveUp();
    },
  };
}
