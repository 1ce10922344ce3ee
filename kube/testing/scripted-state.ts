import type { KubeObject } from '../object.ts';

/** One change, as a watch tells it. */
export interface Change {
  version: number;
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  collection: string;
  object: KubeObject;
}

/** A refusal, to be answered as a metav1.Status. */
export class Refusal extends Error {
  readonly code: number;
  readonly reason: string;
  constructor(code: number, reason: string, message = reason) {
    super(message);
    this.code = code;
    this.reason = reason;
  }
}

/**
 * What an API server keeps, in memory: objects by collection and key, one growing version for all, the
 * history that watches resume from, and compaction of it. Collections are API paths without a namespace,
 * such as `/api/v1/pods`.
 */
export class ScriptedState {
  version = 100;
  /** Versions up to this one cannot be resumed from. */
  compactedTo = 0;
  readonly history: Change[] = [];
  /** What paged lists go on from, by collection and version. */
  readonly snapshots = new Map<string, KubeObject[]>();
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #listeners = new Set<(change: Change) => void>();
  #uids = 0;

  list(collection: string): KubeObject[] {
    return [...this.#of(collection).values()];
  }

  get(collection: string, key: string): KubeObject {
    const found = this.#of(collection).get(key);
    if (!found) throw new Refusal(404, 'NotFound', `${collection} "${key}" not found`);
    return found;
  }

  has(collection: string, key: string): boolean {
    return this.#of(collection).has(key);
  }

  /** Creates or replaces; a replacement keeps uid and creation time. */
  put(collection: string, key: string, body: object): KubeObject {
    const before = this.#of(collection).get(key);
    const metadata = {
      ...Reflect.get(body, 'metadata'),
      uid: before?.metadata.uid ?? `uid-${++this.#uids}`,
      creationTimestamp: before?.metadata.creationTimestamp ?? new Date().toISOString(),
      resourceVersion: `${++this.version}`,
      managedFields: [{ manager: 'scripted', operation: 'Apply' }],
    };
    const object = { ...body, metadata } as unknown as KubeObject;
    this.#of(collection).set(key, object);
    this.#tell({ version: this.version, type: before ? 'MODIFIED' : 'ADDED', collection, object });
    return object;
  }

  remove(collection: string, key: string): KubeObject {
    const before = this.get(collection, key);
    this.#of(collection).delete(key);
    const metadata = { ...before.metadata, resourceVersion: `${++this.version}` };
    const object = { ...before, metadata };
    this.#tell({ version: this.version, type: 'DELETED', collection, object });
    return object;
  }

  /** Forgets the history, as etcd's compaction does. */
  compact(): void {
    this.compactedTo = this.version;
    this.history.length = 0;
    this.snapshots.clear();
  }

  /** @throws Refusal 410 when changes after `version` are compacted */
  checkKept(version: number): void {
    if (version < this.compactedTo) throw new Refusal(410, 'Expired', 'too old resource version');
  }

  /** Changes after `version`, now and from now on. */
  follow(version: number, listener: (change: Change) => void): () => void {
    for (const change of this.history) if (change.version > version) listener(change);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #of(collection: string): Map<string, KubeObject> {
    let objects = this.#objects.get(collection);
    if (!objects) {
      objects = new Map();
      this.#objects.set(collection, objects);
    }
    return objects;
  }

  #tell(change: Change): void {
    this.history.push(change);
    if (this.history.length > 10_000) {
      this.history.splice(0, 5_000);
      this.compactedTo = (this.history[0]?.version ?? this.version) - 1;
    }
    for (const listener of this.#listeners) listener(change);
  }
}
