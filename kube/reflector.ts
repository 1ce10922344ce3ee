import type { KubeClient } from './client.ts';
import { type Clock, createBackoff, sleep, systemClock } from './clock.ts';
import { isGone, isTooLargeResourceVersion, KubeApiError } from './errors.ts';
import { type ChangeSource, createHandlerSet, type Handler } from './handlers.ts';
import { type Logger, silentLogger } from './logger.ts';
import type { KubeMetrics } from './metrics.ts';
import { type KubeObject, keyOf, type ResourceType } from './object.ts';
import { createStore, type Indexer, type Store } from './store.ts';
import type { WatchEvent } from './watch-events.ts';

/** What to mirror and with what. */
export interface ReflectorOptions<T extends KubeObject> {
  client: KubeClient;
  type: ResourceType<T>;
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
  indexes?: Readonly<Record<string, Indexer<T>>> | undefined;
  /** Drops what nobody reads, before storing; managedFields are always dropped. */
  transform?: ((object: T) => T) | undefined;
  metrics?: KubeMetrics | undefined;
  log?: Logger | undefined;
  clock?: Clock | undefined;
  random?: (() => number) | undefined;
}

/** A mirror of the objects of one kind that match one selector. One for each, shared by its readers. */
export interface Reflector<T extends KubeObject> {
  readonly type: ResourceType<T>;
  readonly store: Store<T>;
  /** Also tells of what is already there. Returns what removes the handler. */
  addHandler(handler: Handler<T>): () => void;
  /** A second call does nothing. */
  start(): void;
  /** Whether one list has been taken over completely; never becomes false again. */
  hasSynced(): boolean;
  /** Resolves once {@link hasSynced}; rejects with the signal's reason. */
  synced(signal?: AbortSignal): Promise<void>;
  /** Ends list and watch and resolves when nothing of them is left. The store stays readable. */
  stop(): Promise<void>;
  /** Time since the server last sent anything, in milliseconds; Infinity before that. */
  lastEventAgeMs(): number;
}

/** Delays of client-go's reflector; here the cap includes the jitter. */
const backoffMinMs = 800;
const backoffMaxMs = 30_000;

/**
 * List, then watch from the list's resourceVersion; on 410 list again (client-go, tools/cache/reflector.go).
 * Attempts start at least the backoff apart, so a watch that lived longer is followed at once; the backoff
 * returns to its beginning once a watch has lived for its least delay or has brought an event.
 */
export function createReflector<T extends KubeObject>(options: ReflectorOptions<T>): Reflector<T> {
  const { client, type, clock = systemClock, random = Math.random, metrics } = options;
  const { namespace, labelSelector, fieldSelector } = options;
  const selection = { namespace, labelSelector, fieldSelector };
  const { kind } = type;
  const log = (options.log ?? silentLogger).child({ kind });
  const store = createStore<T>(options.indexes);
  const stopping = new AbortController();
  const { signal } = stopping;
  const firstSync = Promise.withResolvers<void>();
  const backoff = createBackoff(backoffMinMs, backoffMaxMs, random);
  const handlers = createHandlerSet<T>((error) => {
    metrics?.reflectorHandlerErrors.inc({ kind });
    log.error({ err: error }, 'a handler threw');
  });

  let running: Promise<void> | undefined;
  let isSynced = false;
  let lastEventAtMs = Number.NEGATIVE_INFINITY;
  /** Where to resume; undefined: list first. */
  let resourceVersion: string | undefined;
  /** The oldest state a list may show: '0' any, later what we have seen, undefined the newest (client-go). */
  let listFrom: string | undefined = '0';

  const transform = (object: T): T => {
    if ('managedFields' in object.metadata) delete object.metadata.managedFields;
    return options.transform?.(object) ?? object;
  };

  /** Takes one object into the store; one that replaced another of its name is a deletion and an addition. */
  function take(object: T, source: ChangeSource): void {
    const before = store.get(keyOf(object));
    const isSame = before?.metadata.uid === object.metadata.uid;
    if (isSame && before?.metadata.resourceVersion === object.metadata.resourceVersion) return;
    store.set(object);
    if (before && !isSame) handlers.deleted(before, source);
    if (before && isSame) handlers.updated(before, object, source);
    else handlers.added(object, source);
  }

  async function list(): Promise<string> {
    metrics?.reflectorLists.inc({ kind });
    const from = { ...selection, resourceVersion: listFrom };
    const answer = await client.list(type, { ...from, transform, signal, timeoutMs: 60_000 });
    signal.throwIfAborted();
    const present = new Set(answer.items.map(keyOf));
    for (const key of [...store.keys()].filter((one) => !present.has(one))) {
      const gone = store.remove(key);
      if (gone) handlers.deleted(gone, 'list');
    }
    for (const object of answer.items) take(object, 'list');
    seen(answer.resourceVersion);
    isSynced = true;
    firstSync.resolve();
    return answer.resourceVersion;
  }

  function seen(version: string): void {
    resourceVersion = version;
    listFrom = version;
    lastEventAtMs = clock.nowMs();
  }

  function onEvent({ type: change, object }: WatchEvent<T>): void {
    if (signal.aborted) return;
    if (change === 'DELETED') {
      if (store.remove(keyOf(object))) handlers.deleted(transform(object), 'watch');
    } else if (change !== 'BOOKMARK') take(transform(object), 'watch');
    backoff.reset();
    seen(object.metadata.resourceVersion);
  }

  async function attempt(): Promise<void> {
    let watchStartMs = Number.POSITIVE_INFINITY;
    try {
      const from = resourceVersion ?? (await list());
      metrics?.reflectorWatches.inc({ kind });
      watchStartMs = clock.nowMs();
      const timeoutSeconds = Math.round(300 + 300 * random());
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
    if (clock.nowMs() - watchStartMs >= backoffMinMs) backoff.reset();
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const startMs = clock.nowMs();
      await attempt();
      const pauseMs = startMs + backoff.nextMs() - clock.nowMs();
      if (pauseMs > 0) await sleep(clock, pauseMs, signal);
    }
  }

  const lastEventAgeMs = () => clock.nowMs() - lastEventAtMs;
  const stopAge = metrics?.onCollect(() => {
    if (isSynced) metrics.reflectorLastEventAge.set({ kind }, lastEventAgeMs() / 1000);
  });

  return {
    type,
    store,
    addHandler: (handler) => handlers.add(handler, store.list()),
    start() {
      if (!signal.aborted) running ??= run();
    },
    hasSynced: () => isSynced,
    async synced(until) {
      until?.throwIfAborted();
      const givenUp = Promise.withResolvers<never>();
      const onAbort = () => givenUp.reject(until?.reason);
      until?.addEventListener('abort', onAbort, { once: true });
      await Promise.race([firstSync.promise, givenUp.promise]).finally(() =>
        until?.removeEventListener('abort', onAbort),
      );
    },
    async stop() {
      stopping.abort(new Error('reflector stopped'));
      stopAge?.();
      await running;
    },
    lastEventAgeMs,
  };
}
