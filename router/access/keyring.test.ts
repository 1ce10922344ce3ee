import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Secret } from '../../kube/resources.ts';
import { findKey, keyringOf, readKeySecret } from './keyring.ts';

const key = 'sk-0123456789abcdef';
const sha256 = createHash('sha256').update(key).digest('hex');

function secret(name: string, fields: Record<string, string>, createdAt = '2026-01-01'): Secret {
  const data = Object.entries(fields).map(([field, text]) => [
    field,
    Buffer.from(text).toString('base64'),
  ]);
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name,
      namespace: 'keys',
      uid: `uid-${name}`,
      resourceVersion: '1',
      creationTimestamp: `${createdAt}T00:00:00Z`,
      annotations: { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(fields) },
    },
    data: Object.fromEntries(data),
  };
}

const ringOf = (...secrets: Secret[]) => keyringOf(secrets.map(readKeySecret));

test.each([
  ['as it is', { key }],
  ['with the line end of a file', { key: `${key}\n` }],
  ['by its SHA-256', { sha256 }],
  ['by its SHA-256 in capitals', { sha256: sha256.toUpperCase() }],
])('a key may be given %s', (_how, fields) => {
  const ring = ringOf(secret('alice', fields));
  expect(ring.broken).toEqual([]);
  expect(findKey(ring, key)).toMatchObject({ secret: 'keys/alice', tenant: 'alice' });
  expect(findKey(ring, `${key}x`)).toBeUndefined();
  expect(findKey(ring, '')).toBeUndefined();
});

test.each([
  ['nothing', {}, 'exactly one of key and sha256 must be set'],
  ['both', { key, sha256 }, 'exactly one of key and sha256 must be set'],
  ['a short key', { key: 'sk-1' }, 'key must be at least 16 visible ASCII characters'],
  ['a key with a blank', { key: `${key} x` }, 'key must be at least 16 visible ASCII characters'],
  ['half a digest', { sha256: 'abc' }, 'sha256 must be 64 hexadecimal digits'],
  ['a misspelled field', { key, polcy: '' }, 'unknown field polcy; there are key, sha256, policy'],
  ['a broken policy', { key, policy: 'models: x' }, expect.stringContaining('policy.models')],
])('a Secret with %s gives no key', (_what, fields, problem) => {
  const ring = ringOf(secret('alice', fields));
  expect(ring.broken).toEqual([{ secret: 'keys/alice', problem }]);
  expect(findKey(ring, key)).toBeUndefined();
});

test('of two Secrets with one key the older counts', () => {
  const narrow = secret('old', { key, policy: 'models: [a]' }, '2025-01-01');
  const wide = secret('new', { sha256 }, '2026-01-01');
  const ring = ringOf(wide, narrow);
  expect(findKey(ring, key)).toMatchObject({ secret: 'keys/old', models: ['a'] });
  expect(ring.broken).toEqual([{ secret: 'keys/new', problem: 'keys/old has the same key' }]);
});

test('what is kept of a Secret holds no key', () => {
  const kept = JSON.stringify(readKeySecret(secret('alice', { key })));
  expect(kept).not.toContain(key);
  expect(kept).not.toContain(Buffer.from(key).toString('base64'));
});
