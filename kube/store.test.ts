import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyOf } from './object.ts';
import { createStore } from './store.ts';
import type { Widget } from './testing/objects.ts';

function make(name: string, size: number, namespace?: string): Widget {
  const metadata = { name, uid: name, resourceVersion: `${size}`, creationTimestamp: '' };
  return {
    apiVersion: 'example.com/v1',
    kind: 'Widget',
    metadata: { ...metadata, ...(namespace && { namespace }) },
    spec: { size },
  };
}
const indexes = {
  bySize: ({ spec }: Widget) => [`${spec.size}`],
  byParity: ({ spec }: Widget) => ((spec.size ?? 0) % 2 ? ['odd', 'any'] : ['any']),
};

describe('store', () => {
  it('keeps every index equal to what the objects say, whatever was set and removed', () => {
    const step = fc.record({ name: fc.constantFrom('a', 'b', 'c'), size: fc.option(fc.nat(3)) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const store = createStore<Widget>(indexes);
        const model = new Map<string, Widget>();
        for (const { name, size } of steps) {
          const before = model.get(name);
          if (size === null) {
            model.delete(name);
            expect(store.remove(name)).toBe(before);
          } else {
            const object = make(name, size);
            model.set(name, object);
            expect(store.set(object)).toBe(before);
          }
          expect(new Set(store.list())).toEqual(new Set(model.values()));
          expect(store.size).toBe(model.size);
          for (const [index, indexer] of Object.entries(indexes))
            for (const value of ['0', '1', '2', '3', 'odd', 'any'])
              expect(new Set(store.byIndex(index, value))).toEqual(
                new Set([...model.values()].filter((one) => indexer(one).includes(value))),
              );
        }
      }),
    );
  });

  it('finds by namespace and name, and names an index that does not exist', () => {
    const store = createStore<Widget>();
    const object = make('a', 1, 'ns');
    store.set(object);
    expect(store.get(keyOf(object))).toBe(object);
    expect(store.get('a')).toBeUndefined();
    expect(() => store.byIndex('nope', 'x')).toThrow('no index named nope');
  });
});
