import { randomBytes } from 'node:crypto';
import type { KubeClient } from './client.ts';
import { systemClock } from './clock.ts';
import { isNotFound } from './errors.ts';
import { type Instruments, silentLogger } from './logger.ts';
import type { KubeObject } from './object.ts';
import { type Event, Events } from './resources.ts';

export interface EventRecorderOptions extends Instruments {
  client: KubeClient;
  /** Such as `fairlead.dev/operator`. */
  reportingController: string;
  /** Such as the pod name. */
  reportingInstance: string;
}

/**
 * What is told about an object: `reason` is why and `action` what was done or tried, both in CamelCase for
 * machines, at most 128 characters; `note` is for people and is cut to 1 KiB.
 */
export type EventNote = Pick<Event, 'type' | 'reason' | 'action' | 'note'>;

/** Writes events (events.k8s.io/v1) about objects, in the background. */
export interface EventRecorder {
  /** Never throws and is never awaited. What cannot be written is dropped. */
  record(object: KubeObject, event: EventNote): void;
  /** Resolves when everything recorded so far is written or dropped. */
  flush(): Promise<void>;
}

/** Repeats within this time join one series (client-go, tools/events: finishTime). */
const seriesWindowMs = 6 * 60_000;
/** How often a running series is written. */
const seriesPeriodMs = 10_000;
/** Events per object: 25 at once, then one in 5 minutes (client-go, tools/record/events_cache.go). */
const burst = 25;
const refillMs = 300_000;
/** Objects and series remembered; beyond that all are forgotten. */
const mostRemembered = 4096;
const mostQueued = 1000;
/** The API server's own limit on `note`. */
const mostNoteBytes = 1024;

/** Repeats of one event are written as a series at most every 10 s; each object has a token bucket. */
export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { client, reportingController, clock = systemClock, log = silentLogger } = options;
  const reportingInstance = options.reportingInstance.slice(0, 128);
  type Series = { event: Event; count: number; atMs: number; writtenAtMs: number };
  const series = new Map<string, Series>();
  const buckets = new Map<string, { tokens: number; atMs: number }>();
  let writing: Promise<void> = Promise.resolve();
  let queued = 0;

  function mayWrite(uid: string): boolean {
    const nowMs = clock.nowMs();
    const bucket = buckets.get(uid) ?? { tokens: burst, atMs: nowMs };
    const tokens = Math.min(burst, bucket.tokens + (nowMs - bucket.atMs) / refillMs);
    if (buckets.size >= mostRemembered) buckets.clear();
    buckets.set(uid, { tokens: tokens >= 1 ? tokens - 1 : tokens, atMs: nowMs });
    return tokens >= 1;
  }

  function enqueue(write: () => Promise<unknown>): void {
    if (queued >= mostQueued) return;
    queued++;
    writing = writing
      .then(write)
      .catch((error) => log.debug({ err: error }, 'an event could not be written'))
      .then(() => void queued--);
  }

  async function update({ event, count }: Series): Promise<void> {
    const patch = { series: { count, lastObservedTime: microTime() } };
    try {
      await client.patch(Events, event.metadata, patch, { patchType: 'merge' });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      // Events live an hour; a series that outlived its event gets a new one.
      await client.create(Events, { ...event, ...patch });
    }
  }

  function newEvent({ apiVersion, kind, metadata }: KubeObject, event: EventNote): Event {
    const { name, namespace, uid, resourceVersion } = metadata;
    const suffix = randomBytes(8).toString('hex');
    const own = { name: `${name.slice(0, 230)}.${suffix}`, namespace: namespace ?? 'default' };
    const regarding = { apiVersion, kind, name, uid, resourceVersion, namespace };
    const reporter = { eventTime: microTime(), reportingController, reportingInstance };
    return { metadata: own, ...reporter, ...event, note: cut(event.note), regarding } as Event;
  }

  return {
    record(object, event) {
      const { uid } = object.metadata;
      const key = JSON.stringify([uid, event.type, event.reason, event.action, event.note]);
      const atMs = clock.nowMs();
      const known = series.get(key);
      if (known && atMs - known.atMs < seriesWindowMs) {
        known.count++;
        known.atMs = atMs;
        if (atMs - known.writtenAtMs < seriesPeriodMs) return;
        known.writtenAtMs = atMs;
        enqueue(() => update(known));
      } else if (mayWrite(uid)) {
        const made = newEvent(object, event);
        if (series.size >= mostRemembered) series.clear();
        series.set(key, { event: made, count: 1, atMs, writtenAtMs: atMs });
        enqueue(() => client.create(Events, made));
      }
    },
    flush: () => writing,
  };
}

/** metav1.MicroTime of now. */
export function microTime(): string {
  return `${new Date().toISOString().slice(0, -1)}000Z`;
}

/** At most 1 KiB of UTF-8, never half a character. */
function cut(note: string): string {
  const bytes = Buffer.from(note);
  if (bytes.length <= mostNoteBytes) return note;
  // A decoder that expects more keeps the bytes of an unfinished character to itself.
  const kept = new TextDecoder().decode(bytes.subarray(0, mostNoteBytes - 3), { stream: true });
  return `${kept}…`;
}
