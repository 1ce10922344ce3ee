import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { channel } from 'node:diagnostics_channel';
import { systemClock } from './clock.ts';
import { isConflict, KubeApiError } from './errors.ts';
import { type Instruments, silentLogger } from './logger.ts';
import type { KubeObject } from './object.ts';
import { createWorkQueue } from './queue.ts';
import type { Reflector } from './reflector.ts';

/** What a reconcile may return; nothing means done. */
// biome-ignore lint/suspicious/noConfusingVoidType: a reconcile that has nothing to say returns nothing
export type Result = { requeueAfterMs?: number | undefined } | void;

/** What a reconcile gets besides its key. */
export interface ReconcileContext {
  /** Aborts when the reconcile's deadline passes or the controller gives up waiting for it in `stop`. */
  signal: AbortSignal;
}

/** No repeat can mend this; thrown from a reconcile it is counted and logged, and the key waits for a change. */
export class TerminalError extends Error {
  override name = 'TerminalError';
}

export interface ControllerOptions extends Instruments {
  name: string;
  /** Reads everything, decides, writes everything. A throw is repeated with growing delays. */
  reconcile: (key: string, context: ReconcileContext) => Promise<Result>;
  /** Keys worked on at once. Default 1. */
  workers?: number | undefined;
}

export type Controller = ReturnType<typeof createController>;

const reconcileTimeoutMs = 60_000;
const stopTimeoutMs = 10_000;

/** Which reconcile the present code runs in. */
export interface ReconcileScope {
  controller: string;
  key: string;
  reconcileId: string;
}
const scopes = new AsyncLocalStorage<ReconcileScope>();

/** The reconcile that the caller runs in, for loggers and tracers; undefined outside of one. */
export function currentReconcile(): ReconcileScope | undefined {
  return scopes.getStore();
}

/** A reconcile that is over. */
export interface ReconcileReport extends ReconcileScope {
  /** Milliseconds since 1970. */
  startedAtMs: number;
  durationMs: number;
  /** As in controller_runtime_reconcile_total. */
  result: string;
  /** What it threw. */
  error?: unknown;
}

/** Where a ReconcileReport is published for every reconcile, for tracers. */
export const reconciled = channel('fairlead.reconciled');

/** Workers over a queue of keys (controller-runtime, pkg/internal/controller/controller.go). */
export function createController(options: ControllerOptions) {
  const { name, workers = 1, metrics, clock = systemClock, log = silentLogger } = options;
  const queue = createWorkQueue({ name, metrics, clock });
  const controller = { controller: name };
  const reflectors: Pick<Reflector<KubeObject>, 'synced'>[] = [];
  const unwatch: (() => void)[] = [];
  const stopping = new AbortController();
  const running = new Set<AbortController>();
  let started: Promise<void> | undefined;

  async function work(): Promise<void> {
    for (let key = await queue.get(); key !== undefined; key = await queue.get()) {
      const scope = { ...controller, key, reconcileId: randomUUID() };
      metrics?.activeWorkers.inc(controller);
      await scopes.run(scope, reconcileOne, scope);
      queue.done(key);
      metrics?.activeWorkers.dec(controller);
    }
  }

  async function reconcileOne(scope: ReconcileScope): Promise<void> {
    const { key } = scope;
    const startMs = clock.nowMs();
    const startedAtMs = Date.now();
    const deadline = new AbortController();
    const { signal } = deadline;
    running.add(deadline);
    const cancelTimer = clock.after(reconcileTimeoutMs, () =>
      deadline.abort(new Error(`reconcile of ${key} took longer than ${reconcileTimeoutMs} ms`)),
    );
    let result: string;
    let thrown: unknown;
    try {
      result = settle(key, await options.reconcile(key, { signal }));
    } catch (error) {
      thrown = error;
      result = settleError(key, error);
    }
    cancelTimer();
    running.delete(deadline);
    const durationMs = clock.nowMs() - startMs;
    metrics?.reconciles.inc({ ...controller, result });
    metrics?.reconcileSeconds.observe(controller, durationMs / 1000);
    if (!reconciled.hasSubscribers) return;
    const report: ReconcileReport = { ...scope, startedAtMs, durationMs, result, error: thrown };
    reconciled.publish(report);
  }

  /** This and `settleError` decide about the repeat and return the outcome for the metric. */
  function settle(key: string, outcome: Result): string {
    queue.forget(key);
    if (outcome?.requeueAfterMs === undefined) return 'success';
    queue.addAfter(key, outcome.requeueAfterMs);
    return 'requeue_after';
  }

  function settleError(key: string, error: unknown): string {
    const fields = { ...currentReconcile(), err: error };
    if (isConflict(error)) {
      // The cache was behind; the event that updates it is on its way.
      queue.addRateLimited(key);
      log.debug(fields, 'reconcile met a conflict');
      return 'requeue';
    }
    const isTerminal = error instanceof TerminalError;
    const retryAfterMs = error instanceof KubeApiError ? error.retryAfterMs : undefined;
    if (isTerminal) queue.forget(key);
    else if (retryAfterMs) queue.addAfter(key, retryAfterMs);
    else queue.addRateLimited(key);
    if (isTerminal) metrics?.terminalErrors.inc(controller);
    metrics?.reconcileErrors.inc(controller);
    log.error(fields, isTerminal ? 'reconcile failed for good' : 'reconcile failed');
    return 'error';
  }

  return {
    /**
     * Enqueues `toKeys(object)` for every change: before and after for an update; low priority from lists.
     * @param settleMs what comes within this time is reconciled together; 0: each at once
     */
    watch<T extends KubeObject>(
      reflector: Pick<Reflector<T>, 'addHandler' | 'synced'>,
      toKeys: (object: T) => readonly string[],
      settleMs = 0,
    ): void {
      reflectors.push(reflector);
      const remove = reflector.addHandler((before, after, source) => {
        const objects = [before, after].filter((object) => object !== undefined);
        for (const key of new Set(objects.flatMap(toKeys))) {
          if (source === 'list') queue.add(key, 'low');
          else queue.addAfter(key, settleMs);
        }
      });
      unwatch.push(remove);
    },
    enqueue: (key: string): void => queue.add(key),
    /** Resolves when every watched reflector has synced and the workers run. */
    async start(signal?: AbortSignal): Promise<void> {
      const until = signal ? AbortSignal.any([signal, stopping.signal]) : stopping.signal;
      started ??= Promise.all(reflectors.map((one) => one.synced(until))).then(() => {
        metrics?.maxConcurrent.set(controller, workers);
        // As in controller-runtime: of a series that begins with the first error a rate does not see that one.
        metrics?.reconcileErrors.inc(controller, 0);
        metrics?.terminalErrors.inc(controller, 0);
        for (let worker = 0; worker < workers; worker++) void work();
      });
      await started;
    },
    /** Resolves when no reconcile runs any more; those that take longer than 10 s are aborted. */
    async stop(): Promise<void> {
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
