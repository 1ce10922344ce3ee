import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ListDecoder } from './list-decoder.ts';

/** Decodes a text that arrives in pieces of these sizes, in turn. */
function decode(text: string, sizes: readonly number[]) {
  const items: unknown[] = [];
  const decoder = new ListDecoder((item) => items.push(JSON.parse(item)));
  const bytes = Buffer.from(text);
  for (let [at, turn] = [0, 0]; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    decoder.push(bytes.subarray(at, at + size));
    at += size;
  }
  return { items, list: JSON.parse(decoder.end()) };
}

const objects = fc.array(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), {
  maxLength: 5,
});
const pieces = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 });
const lists: ((items: object[]) => object)[] = [
  (items) => ({ kind: 'List', metadata: { resourceVersion: '7', more: { a: [1, {}] } }, items }),
  (items) => ({ apiVersion: 'v1', items, kind: 'L', metadata: { continue: '"[{\\', n: null } }),
];

test('whatever the items are, and however they arrive', () => {
  fc.assert(
    fc.property(
      objects,
      pieces,
      fc.constantFrom(...lists),
      fc.boolean(),
      (items, sizes, of, spaced) => {
        const text = JSON.stringify(of(items), undefined, spaced ? 2 : 0);
        const decoded = decode(text, sizes);
        expect(decoded.items).toEqual(JSON.parse(JSON.stringify(items)));
        expect(decoded.list).toEqual(JSON.parse(JSON.stringify(of([]))));
      },
    ),
    { numRuns: 500 },
  );
});

test('no items at all', () => {
  expect(decode('{"items":null,"metadata":{}}', [3])).toEqual({
    items: [],
    list: { items: null, metadata: {} },
  });
});

test('a list that is cut off is none', () => {
  expect(() => decode('{"items":[{"a":1},{"a"', [5])).toThrow(SyntaxError);
});
