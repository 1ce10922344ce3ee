import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { covers, intentHash, isApplied, withIntentHash } from './apply.ts';
import type { Intent } from './object.ts';
import { type Widget, widget } from './testing/objects.ts';

const annotation = 'example.com/intent';

describe('server-side apply helpers', () => {
  it('hashes the same intent to the same value whatever the order of its keys', () => {
    const one: Intent<Widget> = {
      metadata: { name: 'a', namespace: 'n' },
      spec: { size: 1, text: 'x' },
    };
    const other: Intent<Widget> = {
      spec: { text: 'x', size: 1 },
      metadata: { namespace: 'n', name: 'a' },
    };
    expect(intentHash(one)).toBe(intentHash(other));
    expect(intentHash(one)).not.toBe(intentHash(widget('a', 2)));
  });

  it('knows whether an object was applied from this intent', () => {
    const intent = withIntentHash(widget('a', 1), annotation);
    const current = { ...intent, apiVersion: '', kind: '' } as unknown as Widget;
    expect(isApplied(current, intent, annotation)).toBe(true);
    expect(isApplied(undefined, intent, annotation)).toBe(false);
    expect(isApplied(current, withIntentHash(widget('a', 2), annotation), annotation)).toBe(false);
    expect(isApplied(current, widget('a', 1), annotation)).toBe(false);
  });

  it('covers: maps may hold more, lists must be equal', () => {
    expect(covers({ a: 1, b: [{ c: 1, d: 2 }] }, { b: [{ c: 1 }] })).toBe(true);
    expect(covers({ a: [1, 2] }, { a: [1] })).toBe(false);
    expect(covers({ a: 1 }, { a: 1, b: undefined })).toBe(true);
    expect(covers({ a: 1 }, { a: { b: 1 } })).toBe(false);
    expect(covers({ a: { b: 1 } }, { a: [1] })).toBe(false);
    fc.assert(fc.property(fc.jsonValue(), (value) => covers(structuredClone(value), value)));
  });
});
