import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  claimNames,
  claimsAlike,
  fieldOfName,
  type NameClaimant,
  servedNameOf,
  servedNamesOf,
} from './names.ts';

function claimant(name: string, second: number, servedName?: string): NameClaimant {
  const creationTimestamp = new Date(1_700_000_000_000 + second * 1000).toISOString();
  return {
    metadata: { name, namespace: 'a', uid: `uid-${name}`, creationTimestamp },
    spec: { servedName },
  };
}

test('without servedName the object serves its own name', () => {
  expect(servedNamesOf(claimant('skiff', 0))).toEqual(['skiff']);
  expect(servedNamesOf(claimant('skiff', 0, 'org/skiff:1'))).toEqual(['org/skiff:1']);
});

test('aliases and adapters are names as well, each once', () => {
  const { metadata } = claimant('skiff', 0);
  const spec = { servedName: 'org/s', aliases: ['gpt-4o', 'org/s'], adapters: [{ name: 'law' }] };
  expect(servedNameOf({ metadata, spec })).toBe('org/s');
  expect(servedNamesOf({ metadata, spec })).toEqual(['org/s', 'gpt-4o', 'org/s:law']);
  expect(
    ['org/s', 'gpt-4o', 'org/s:law'].map((name) => fieldOfName({ metadata, spec }, name)),
  ).toEqual(['spec.servedName', 'spec.aliases', 'spec.adapters']);
});

test('an alias that an older object serves keeps all names of the newer from being served', () => {
  const older = claimant('older', 1, 'shared');
  const { metadata } = claimant('newer', 2);
  const newer = { metadata, spec: { aliases: ['free', 'shared'] } };
  const { owners, conflicts } = claimNames([newer, older]);
  expect([...owners]).toEqual([['shared', older]]);
  expect(conflicts.get('uid-newer')).toEqual({ servedName: 'shared', owner: older });
});

test('a change of what an object claims is told from any other', () => {
  const before = claimant('skiff', 1);
  const status = { servedNames: ['skiff'] };
  const changes: NameClaimant[] = [
    { ...before, spec: { servedName: 'other' } },
    { ...before, spec: { aliases: ['other'] } },
    { ...before, spec: { adapters: [{ name: 'law' }] } },
    { ...before, metadata: { ...before.metadata, uid: 'later' } },
    { ...before, metadata: { ...before.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } },
    { ...before, status },
  ];
  for (const after of changes) expect(claimsAlike(before, after)).toBe(false);
  expect(claimsAlike(undefined, before) || claimsAlike(before, undefined)).toBe(false);
  expect(claimsAlike(before, { ...before, spec: { servedName: 'skiff' } })).toBe(true);
});

test('the older keeps the name, in whatever order they are seen', () => {
  const older = claimant('older', 1, 'shared');
  const newer = claimant('shared', 2);
  for (const order of [
    [older, newer],
    [newer, older],
  ]) {
    const { owners, conflicts } = claimNames(order);
    expect(owners.get('shared')).toBe(older);
    expect(conflicts.get('uid-shared')).toEqual({ servedName: 'shared', owner: older });
    expect(conflicts.has('uid-older')).toBe(false);
  }
});

test('born in the same second, the uid decides', () => {
  const a = claimant('a', 1, 'shared');
  const b = claimant('b', 1, 'shared');
  expect(claimNames([b, a]).owners.get('shared')).toBe(a);
});

test('born in the same second, the one that serves the name already keeps it', () => {
  const a = claimant('a', 1, 'shared');
  const b = { ...claimant('b', 1, 'shared'), status: { servedNames: ['shared'] } };
  expect(claimNames([a, b]).owners.get('shared')).toBe(b);
  const renamed = { ...claimant('c', 1, 'shared'), status: { servedNames: ['another'] } };
  expect(claimNames([renamed, a]).owners.get('shared')).toBe(a);
});

test('every name has one owner and every other claimant a conflict, in any order', () => {
  const claimants = fc.uniqueArray(
    fc.record({ id: fc.nat(50), second: fc.nat(3), served: fc.nat(5) }),
    { selector: ({ id }) => id, maxLength: 12 },
  );
  fc.assert(
    fc.property(claimants, fc.infiniteStream(fc.nat()), (specs, seed) => {
      const all = specs.map(({ id, second, served }) => claimant(`m${id}`, second, `s${served}`));
      const { owners, conflicts } = claimNames(all);
      const shuffled = all
        .map((object) => ({ object, at: seed.next().value ?? 0 }))
        .sort((a, b) => a.at - b.at)
        .map(({ object }) => object);
      expect(new Map(claimNames(shuffled).owners)).toEqual(new Map(owners));
      for (const object of all) {
        const owner = owners.get(servedNamesOf(object)[0] ?? '');
        expect(owner === object).toBe(!conflicts.has(object.metadata.uid));
      }
    }),
  );
});
