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

/** The writing side, for the reflector alone. Both give what had the key before. */
export interface WritableStore<T extends KubeObject> extends Store<T> {
  set(object: T): T | undefined;
  remove(key: string): T | undefined;
}

export function createStore<T extends KubeObject>(
  indexers: Readonly<Record<string, Indexer<T>>> = {},
): WritableStore<T> {
  const objects = new Map<string, T>();
  const indexes = Object.entries(indexers).map(([name, indexer]) => {
    return { name, indexer, keysByValue: new Map<string, Set<string>>() };
  });

  function replace(key: string, after: T | undefined): T | undefined {
    const before = objects.get(key);
    if (after) objects.set(key, after);
    else objects.delete(key);
    for (const { indexer, keysByValue } of indexes) {
      for (const value of before ? indexer(before) : []) {
        const keys = keysByValue.get(value);
        if (keys?.delete(key) && keys.size === 0) keysByValue.delete(value);
      }
      for (const value of after ? indexer(after) : [])
        keysByValue.set(value, (keysByValue.get(value) ?? new Set()).add(key));
    }
    return before;
  }

  return {
    get size() {
      return objects.size;
    },
    get: (key) => objects.get(key),
    list: () => [...objects.values()],
    byIndex(index, value) {
      const found = indexes.find(({ name }) => name === index);
      if (!found) throw new RangeError(`no index named ${index}`);
      const keys = found.keysByValue.get(value) ?? [];
      return [...keys].flatMap((key) => objects.get(key) ?? []);
    },
    set: (object) => replace(keyOf(object), object),
    remove: (key) => replace(key, undefined),
  };
}
