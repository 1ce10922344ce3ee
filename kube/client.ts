import type { ClusterConfig } from './config.ts';
import { FencedError, isGone } from './errors.ts';
import { ListDecoder } from './list-decoder.ts';
import type { Intent, KubeObject, ObjectRef, ResourceType } from './object.ts';
import {
  createTransport,
  type Transport,
  type TransportOptions,
  type TransportRequest,
} from './transport.ts';
import { createWatchDecoder, type WatchEvent } from './watch-events.ts';

/** True as long as this process may write; an election has one. */
export type Fence = () => boolean;

/** What every call takes. */
export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** For the whole call with its repeats. Default 30,000. */
  timeoutMs?: number | undefined;
  /** `status`, `scale`, `eviction`, … */
  subresource?: string | undefined;
}

/** Which objects of a kind. */
export interface Selection {
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
}

export interface ListOptions<T> extends Selection, CallOptions {
  /** The oldest state that will do, '0' for any; absent: the newest. */
  resourceVersion?: string | undefined;
  /** Applied to each object as it arrives, so that what it drops is never held for the whole list. */
  transform?: ((object: T) => T) | undefined;
}

export interface WatchOptions extends Selection {
  resourceVersion: string;
  /** The server ends the watch after this. */
  timeoutSeconds: number;
  signal?: AbortSignal | undefined;
}

export interface WriteOptions extends CallOptions {
  fieldManager?: string | undefined;
}

export interface ApplyOptions extends WriteOptions {
  fieldManager: string;
  /** Take over fields that other managers own. Default false: they are a conflict. */
  force?: boolean | undefined;
}

export interface DeleteOptions extends CallOptions {
  /** This and `resourceVersion` refuse with a conflict when the object is another one or has changed. */
  uid?: string | undefined;
  resourceVersion?: string | undefined;
  gracePeriodSeconds?: number | undefined;
  propagationPolicy?: 'Orphan' | 'Background' | 'Foreground' | undefined;
}

/** Objects to a page of a list, as client-go asks for. */
const pageSize = 500;
/** Without its items. */
interface Page {
  metadata: { resourceVersion: string; continue?: string };
}

/**
 * A cluster's API in raw JSON. Every call rejects with KubeApiError when the server refuses it, with
 * KubeConnectionError when no answer came, and with the signal's reason when that aborts.
 */
export interface KubeClient extends ReturnType<typeof callsOver> {
  /** The same client, over the same connections, whose writes throw {@link FencedError} once `fence` is false. */
  fenced(fence: Fence): KubeClient;
  /** Breaks off what is in flight and closes every socket. */
  close(): Promise<void>;
}

/** Makes a client; nothing is opened before the first call. */
export function createClient(config: ClusterConfig, options?: TransportOptions): KubeClient {
  return clientOver(createTransport(config, options));
}

export function clientOver(transport: Transport, fence: Fence = () => true): KubeClient {
  return Object.assign(callsOver(transport, fence), {
    fenced: (another: Fence) => clientOver(transport, () => fence() && another()),
    close: () => transport.close(),
  });
}

function callsOver(transport: Transport, fence: Fence) {
  type Call = Pick<TransportRequest, 'path' | 'method'> & Partial<TransportRequest>;
  const send = async <R>(call: Call, options: CallOptions = {}): Promise<R> => {
    const { timeoutMs = 30_000, signal } = options;
    const { text } = await transport.send({ idempotent: true, timeoutMs, signal, ...call });
    return JSON.parse(text);
  };
  const write = <R>(call: Call, body: object, options?: CallOptions): Promise<R> => {
    /** Asked in the tick in which the request leaves: it may have waited for a connection. */
    const beforeSend = () => {
      if (!fence()) throw new FencedError(`${call.method} ${call.path}`);
    };
    const json = { beforeSend, contentType: 'application/json', body: JSON.stringify(body) };
    return send({ ...json, ...call }, options);
  };

  return {
    get: <T extends KubeObject>(type: ResourceType<T>, ref: ObjectRef, options?: CallOptions) =>
      send<T>({ method: 'GET', path: pathOf(type, ref, options?.subresource) }, options),

    async list<T extends KubeObject>(type: ResourceType<T>, options: ListOptions<T> = {}) {
      const { transform = (object: T) => object, resourceVersion } = options;
      const items: T[] = [];
      const page = async (more: Parameters<typeof query>[0]) => {
        const path = pathOf(type, options) + query({ ...selectors(options), ...more });
        const { timeoutMs = 30_000, signal } = options;
        const had = items.length;
        let decoder: ListDecoder | undefined;
        await transport.send({
          ...{ method: 'GET', path, idempotent: true, timeoutMs, signal },
          // Each try begins anew.
          beforeSend() {
            items.length = had;
            decoder = new ListDecoder((text) => {
              // The items of a list leave their kind out.
              items.push(transform(Object.assign(JSON.parse(text), kindOf(type))));
            });
          },
          onData: (chunk) => decoder?.push(chunk),
        });
        const { metadata }: Page = JSON.parse(decoder?.end() ?? '');
        return metadata;
      };
      // Without a match, a version with a limit means exactly that version, however old (API concepts).
      const resourceVersionMatch = resourceVersion && 'NotOlderThan';
      let at = await page({ limit: pageSize, resourceVersion, resourceVersionMatch });
      while (at.continue) {
        try {
          // A continue token brings its own resourceVersion; the server refuses both together.
          at = await page({ limit: pageSize, continue: at.continue });
        } catch (error) {
          // Compaction overtook the token: one unpaged list is the way out (client-go, tools/pager).
          if (!isGone(error)) throw error;
          items.length = 0;
          at = await page({});
        }
      }
      return { items, resourceVersion: at.resourceVersion };
    },

    create<T extends KubeObject>(type: ResourceType<T>, intent: Intent<T>, options?: WriteOptions) {
      const { subresource, fieldManager } = options ?? {};
      const { namespace, name } = intent.metadata;
      const ref = subresource ? { namespace, name } : { namespace };
      const path = pathOf(type, ref, subresource) + query({ fieldManager });
      const body = subresource ? intent : { ...kindOf(type), ...intent };
      return write<T>({ method: 'POST', path, idempotent: false }, body, options);
    },

    /** An object that does not exist is an error as anywhere else. */
    async delete(type: ResourceType, ref: ObjectRef, options: DeleteOptions = {}): Promise<void> {
      const { uid, resourceVersion, gracePeriodSeconds, propagationPolicy } = options;
      const preconditions = uid || resourceVersion ? { uid, resourceVersion } : undefined;
      const path = pathOf(type, ref, options.subresource);
      const body = { preconditions, gracePeriodSeconds, propagationPolicy };
      await write({ method: 'DELETE', path }, body, options);
    },

    /** Server-side apply: what `intent` leaves out and this manager owned before is given up. */
    apply<T extends KubeObject>(type: ResourceType<T>, intent: Intent<T>, options: ApplyOptions) {
      const { fieldManager, force, subresource } = options;
      const parameters = query({ fieldManager, force: force ? 'true' : undefined });
      const path = pathOf(type, intent.metadata, subresource) + parameters;
      const call = { method: 'PATCH', path, contentType: 'application/apply-patch+yaml' } as const;
      return write<T>(call, { ...kindOf(type), ...intent }, options);
    },

    /** @param patch a merge patch (RFC 7396) or the list of operations of a JSON patch (RFC 6902) */
    patch<T extends KubeObject>(
      type: ResourceType<T>,
      ref: ObjectRef,
      patch: object,
      options: WriteOptions & { patchType: 'merge' | 'json' },
    ) {
      const { fieldManager, patchType, subresource } = options;
      const path = pathOf(type, ref, subresource) + query({ fieldManager });
      const contentType = `application/${patchType === 'json' ? 'json-patch' : 'merge-patch'}+json`;
      const idempotent = patchType === 'merge';
      return write<T>({ method: 'PATCH', path, contentType, idempotent }, patch, options);
    },

    /** Resolves when the server ends the watch; rejects with 410 when the resourceVersion is too old. */
    async watch<T extends KubeObject>(
      type: ResourceType<T>,
      options: WatchOptions,
      onEvent: (event: WatchEvent<T>) => void,
    ): Promise<void> {
      const { timeoutSeconds, resourceVersion, signal } = options;
      const asked = { watch: 'true', allowWatchBookmarks: 'true', timeoutSeconds, resourceVersion };
      await transport.send({
        method: 'GET',
        path: pathOf(type, options) + query({ ...selectors(options), ...asked }),
        idempotent: false,
        signal,
        timeoutMs: timeoutSeconds * 1000 + 15_000,
        // The server sends a bookmark about every minute; three without one is a dead connection.
        idleTimeoutMs: 180_000,
        onData: createWatchDecoder(`WATCH ${type.plural}`, onEvent),
      });
    },

    /** Any path, such as `/version` or `/apis`. */
    getPath: <R = unknown>(path: string, options?: CallOptions) =>
      send<R>({ method: 'GET', path }, options),
  };
}

function kindOf({ group, version, kind }: ResourceType): { apiVersion: string; kind: string } {
  return { apiVersion: group ? `${group}/${version}` : version, kind };
}

/** The path of one object, or of the collection when `ref` has no name. */
function pathOf(type: ResourceType, ref: Partial<ObjectRef>, subresource?: string): string {
  const { group, version, plural, namespaced } = type;
  const root = group ? ['apis', group, version] : ['api', version];
  const within = namespaced && ref.namespace ? ['namespaces', ref.namespace] : [];
  const parts = [...root, ...within, plural, ref.name, subresource];
  return parts.map((part) => (part ? `/${encodeURIComponent(part)}` : '')).join('');
}

function selectors({ labelSelector, fieldSelector }: Selection) {
  return { labelSelector, fieldSelector };
}

function query(parameters: Record<string, string | number | undefined>): string {
  const parts = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined ? [] : `${name}=${encodeURIComponent(value)}`,
  );
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}
