import { type KubeObject, keyOf } from './object.ts';

/** Which values of an index an object is found under. */
export type Indexer<T> = (object: T) => readonly string[];

/** A read-only view of the objects that a reflector holds. Objects are shared: never change one. */
export interface Store<T extends KubeObject> {
  readonly size: number;
  get(key: string): T | undefined;
  list(): T[];
  /** @throws RangeError for an index that the reflector was not made with */
  byIndex(index: string, value: string): T[];
}

/** The writing side, for the reflector alone. */
export interface WritableStore<T extends KubeObject> extends Store<T> {
  /** Puts the object in the place of the one with its key, which is returned. */
  set(object: T): T | undefined;
  /** Removes and returns the object with this key. */
  remove(key: string): T | undefined;
  keys(): IterableIterator<string>;
}

/** Makes an empty store with these indexes. */
export function createStore<T extends KubeObject>(
  indexers: Readonly<Record<string, Indexer<T>>> = {},
): WritableStore<T> {
  const objects = new Map<string, T>();
  const indexes = Object.entries(indexers).map(([name, indexer]) => {
    return { name, indexer, keys: new Map<string, Set<string>>() };
  });

  function reindex(key: string, before: T | undefined, after: T | undefined): void {
    for (const { indexer, keys } of indexes) {
      for (const value of before ? indexer(before) : []) {
        keys.get(value)?.delete(key);
        if (keys.get(value)?.size === 0) keys.delete(value);
      }
      for (const value of after ? indexer(after) : [])
        keys.set(value, (keys.get(value) ?? new Set()).add(key));
    }
  }

  return {
    get size() {
      return objects.size;
    },
    get: (key) => objects.get(key),
    list: () => [...objects.values()],
    keys: () => objects.keys(),
    byIndex(index, value) {
      const found = indexes.find(({ name }) => name === index);
      if (!found) throw new RangeError(`no index named ${index}`);
      const keys = found.keys.get(value) ?? [];
      return [...keys].flatMap((key) => objects.get(key) ?? []);
    },
    set(object) {
      const key = keyOf(object);
      const before = objects.get(key);
      objects.set(key, object);
      reindex(key, before, object);
      return before;
    },
    remove(key) {
      const before = objects.get(key);
      if (before === undefined) return undefined;
      objects.delete(key);
      reindex(key, before, undefined);
      return before;
    },
  };
}
