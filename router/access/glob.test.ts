import fc from 'fast-check';
import { expect, test } from 'vitest';
import { globMatches } from './glob.ts';

test.each([
  ['*', '', true],
  ['*', 'org/name:tag', true],
  ['llama', 'llama', true],
  ['llama', 'llama-3', false],
  ['llama*', 'llama', true],
  ['llama-*', 'llama', false],
  ['org/*', 'org/a/b', true],
  ['*-8b', 'llama-8b-8b', true],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'a-c-b', false],
  ['**', 'x', true],
  ['', '', true],
  ['', 'x', false],
  ['a.c', 'abc', false],
  ['*/x', 'x', false],
])('%s on %s: %s', (pattern, name, expected) => {
  expect(globMatches(pattern, name)).toBe(expected);
});

test('agrees with a regular expression on anything', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '*', '/', '.'), maxLength: 8 });
  fc.assert(
    fc.property(text, text, (pattern, name) => {
      const parts = pattern.split('*').map((part) => part.replaceAll('.', '\\.'));
      expect(globMatches(pattern, name)).toBe(new RegExp(`^${parts.join('.*')}$`).test(name));
    }),
    { numRuns: 2_000 },
  );
});
