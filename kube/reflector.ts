import { once } from 'node:events';
import type { KubeClient, Selection } from './client.ts';
import { backoffMs, jittered, sleep, systemClock } from './clock.ts';
import { isGone, isTooLargeResourceVersion, KubeApiError } from './errors.ts';
import { type Instruments, silentLogger } from './logger.ts';
import { type KubeObject, keyOf, type ResourceType } from './object.ts';
import { createStore, type Indexer, type Store } from './store.ts';
import type { WatchEvent } from './watch-events.ts';

/** What to mirror and with what. */
export interface ReflectorOptions<T extends KubeObject> extends Selection, Instruments {
  client: KubeClient;
  type: ResourceType<T>;
  indexes?: Readonly<Record<string, Indexer<T>>> | undefined;
  /** Drops what nobody reads, before storing; managedFields are always dropped. */
  transform?: ((object: T) => T) | undefined;
}

/** Whether a change was found by comparing with a list or came as it happened. */
export type ChangeSource = 'list' | 'watch';

/**
 * Told of every change, in order, synchronously: an addition has no `before`, a deletion no `after`; its
 * `before` is the last state that is known. What a handler throws is logged and counted, and stops nothing.
 */
export type Handler<T> = (
  before: T | undefined,
  after: T | undefined,
  source: ChangeSource,
) => void;

/** A mirror of the objects of one kind that match one selector. One for each, shared by its readers. */
export type Reflector<T extends KubeObject> = ReturnType<typeof createReflector<T>>;

/** With jitter, 0.8 to 30 s: the delays of client-go's reflector. */
const [leastPauseMs, mostPauseMs] = [800, 15_000];

/**
 * List, then watch from the list's resourceVersion; on 410 list again (client-go, tools/cache/reflector.go).
 * Attempts start at least the backoff apart, so a watch that lived longer is followed at once; the backoff
 * returns to its beginning once a watch has lived for its least delay or has brought an event.
 */
export function createReflector<T extends KubeObject>(options: ReflectorOptions<T>) {
  const { client, type, clock = systemClock, metrics } = options;
  const { namespace, labelSelector, fieldSelector } = options;
  const selection = { namespace, labelSelector, fieldSelector };
  const { kind } = type;
  const log = (options.log ?? silentLogger).child({ kind });
  const store = createStore<T>(options.indexes);
  const handlers = new Set<Handler<T>>();
  const stopping = new AbortController();
  const { signal } = stopping;
  const firstSync = Promise.withResolvers<void>();

  let running: Promise<void> | undefined;
  let isSynced = false;
  let failures = 0;
  let lastEventAtMs = Number.NEGATIVE_INFINITY;
  /** Where to resume; undefined: list first. */
  let resourceVersion: string | undefined;
  /** The oldest state a list may show: '0' any, later what we have seen, undefined the newest (client-go). */
  let listFrom: string | undefined = '0';

  function tell(handler: Handler<T>, ...change: Parameters<Handler<T>>): void {
    const onError = (error: unknown) => {
      metrics?.handlerErrors.inc({ kind });
      log.error({ err: error }, 'a handler threw');
    };
    try {
      const result: unknown = handler(...change);
      // An async function is assignable to a handler; its rejection must not end the process.
      if (result instanceof Promise) result.catch(onError);
    } catch (error) {
      onError(error);
    }
  }
  const tellAll: Handler<T> = (...change) => {
    for (const handler of handlers) tell(handler, ...change);
  };

  const transform = (object: T): T => {
    delete object.metadata.managedFields;
    return options.transform?.(object) ?? object;
  };

  /** Takes one object into the store; one that replaced another of its name is a deletion and an addition. */
  function take(object: T, source: ChangeSource): void {
    const before = store.get(keyOf(object));
    const isSame = before?.metadata.uid === object.metadata.uid;
    if (isSame && before?.metadata.resourceVersion === object.metadata.resourceVersion) return;
    store.set(object);
    if (before && !isSame) tellAll(before, undefined, source);
    tellAll(isSame ? before : undefined, object, source);
  }

  function seen(version: string): void {
    resourceVersion = version;
    listFrom = version;
    lastEventAtMs = clock.nowMs();
  }

  async function list(): Promise<string> {
    metrics?.reflectorLists.inc({ kind });
    const from = { ...selection, resourceVersion: listFrom };
    const answer = await client.list(type, { ...from, transform, signal, timeoutMs: 60_000 });
    signal.throwIfAborted();
    const present = new Set(answer.items.map(keyOf));
    for (const gone of store.list().filter((object) => !present.has(keyOf(object)))) {
      store.remove(keyOf(gone));
      tellAll(gone, undefined, 'list');
    }
    for (const object of answer.items) take(object, 'list');
    seen(answer.resourceVersion);
    isSynced = true;
    firstSync.resolve();
    return answer.resourceVersion;
  }

  function onEvent({ type: change, object }: WatchEvent<T>): void {
    if (signal.aborted) return;
    if (change === 'DELETED') {
      if (store.remove(keyOf(object))) tellAll(transform(object), undefined, 'watch');
    } else if (change !== 'BOOKMARK') take(transform(object), 'watch');
    failures = 0;
    seen(object.metadata.resourceVersion);
  }

  async function attempt(): Promise<void> {
    let watchStartMs = Number.POSITIVE_INFINITY;
    try {
      const from = resourceVersion ?? (await list());
      metrics?.reflectorWatches.inc({ kind });
      watchStartMs = clock.nowMs();
      const timeoutSeconds = Math.round(jittered(300));
      const asked = { ...selection, resourceVersion: from, timeoutSeconds, signal };
      await client.watch<T>(type, asked, onEvent);
    } catch (error) {
      if (signal.aborted) return;
      log.debug({ err: error }, 'list or watch ended');
      if (isGone(error) || isTooLargeResourceVersion(error)) {
        // When the list is refused as well, or lies in the server's future, only the newest state will do.
        if (resourceVersion === undefined || !isGone(error)) listFrom = undefined;
        resourceVersion = undefined;
      }
      if (error instanceof KubeApiError) return;
    }
    if (clock.nowMs() - watchStartMs >= leastPauseMs) failures = 0;
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const startMs = clock.nowMs();
      await attempt();
      const periodMs = jittered(backoffMs(failures++, leastPauseMs, mostPauseMs));
      const pauseMs = startMs + periodMs - clock.nowMs();
      if (pauseMs > 0) await sleep(clock, pauseMs, signal);
    }
  }

  const stopAge = metrics?.onCollect(() => {
    if (isSynced) metrics.reflectorLastEventAge.set({ kind }, reflector.lastEventAgeMs() / 1000);
  });

  const reflector = {
    store: store as Store<T>,
    /** Also tells of what is already there. Returns what removes the handler. */
    addHandler(handler: Handler<T>): () => void {
      for (const object of store.list()) tell(handler, undefined, object, 'list');
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    /** A second call does nothing. */
    start(): void {
      if (!signal.aborted) running ??= run();
    },
    /** Whether one list has been taken over completely; never becomes false again. */
    hasSynced: () => isSynced,
    /** Resolves once `hasSynced`; rejects with the signal's reason. */
    async synced(until?: AbortSignal): Promise<void> {
      until?.throwIfAborted();
      const aborted = until && once(until, 'abort').then(() => until.throwIfAborted());
      await Promise.race(aborted ? [firstSync.promise, aborted] : [firstSync.promise]);
    },
    /** Ends list and watch and resolves when nothing of them is left. The store stays readable. */
    async stop(): Promise<void> {
      stopping.abort(new Error('reflector stopped'));
      stopAge?.();
      await running;
    },
    /** Time since the server last sent anything, in milliseconds; Infinity before that. */
    lastEventAgeMs: () => clock.nowMs() - lastEventAtMs,
  };
  return reflector;
}
