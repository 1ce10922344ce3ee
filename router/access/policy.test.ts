import { expect, test } from 'vitest';
import { allows, parsePolicy } from './policy.ts';

test('a policy may be YAML or JSON', () => {
  const expected = {
    tenant: 'team-a',
    models: ['llama-*', 'org/embed'],
    limits: { requestsPerMinute: 60, tokensPerMinute: 100_000, maxInFlight: 8 },
    priority: 10,
    expiresMs: Date.UTC(2027, 0, 31, 11),
  };
  const yaml = `
tenant: team-a
models: [llama-*, org/embed]   # as clients send them
requestsPerMinute: 60
tokensPerMinute: 100000
maxInFlight: 8
priority: 10
expires: 2027-01-31T12:00:00+01:00
`;
  const json = JSON.stringify({
    tenant: 'team-a',
    models: ['llama-*', 'org/embed'],
    requestsPerMinute: 60,
    tokensPerMinute: 100_000,
    maxInFlight: 8,
    priority: 10,
    expires: '2027-01-31T11:00:00Z',
  });
  expect(parsePolicy(yaml, 'secret')).toEqual(expected);
  expect(parsePolicy(json, 'secret')).toEqual(expected);
});

test('without a policy everything is allowed to the tenant of the Secret’s name', () => {
  expect(parsePolicy('', 'alice')).toEqual({
    tenant: 'alice',
    models: ['*'],
    limits: { requestsPerMinute: undefined, tokensPerMinute: undefined, maxInFlight: undefined },
    priority: 0,
    expiresMs: undefined,
  });
});

test('a day is over when it begins, in UTC', () => {
  expect(parsePolicy('expires: 2027-01-31', 'a')).toMatchObject({
    expiresMs: Date.UTC(2027, 0, 31),
  });
});

test.each([
  ['a misspelled field', 'model: [a]', /Unrecognized key.*"model"/],
  ['a limit of nothing', 'requestsPerMinute: 0', /policy\.requestsPerMinute: /],
  ['a limit in words', 'tokensPerMinute: many', /policy\.tokensPerMinute: /],
  ['models that are no list', 'models: llama', /policy\.models: /],
  ['a pattern that is no text', 'models: [7]', /policy\.models\.0: /],
  ['a time in words', 'expires: next week', /policy\.expires: must be a date or a time/],
  ['a tenant with blanks', 'tenant: team a', /policy\.tenant: letters, digits/],
  ['a list', '[a, b]', /^policy: /],
  ['no YAML', 'a: [b', /^policy is not YAML or JSON \(line 1\)$/],
  ['a key twice', 'models: [a]\nmodels: [b]', /^policy is not YAML or JSON \(line 2\)$/],
  ['aliases, which could grow without bound', 'models: &a [x]\ntenant: *a', /^policy is not YAML/],
])('%s is a problem, told by its place', (_what, text, says) => {
  expect(parsePolicy(text, 'a')).toEqual({ problem: expect.stringMatching(says) });
});

test('a problem never tells what the document holds', () => {
  for (const text of ['tenant: "sk canary"', 'x: &sk-canary [', 'models: sk-canary', 'sk-canary'])
    expect(JSON.stringify(parsePolicy(text, 'a'))).not.toContain('canary');
});

test('a name is allowed when one pattern matches it, as the client sends it', () => {
  expect(allows({ models: ['a', 'org/*'] }, 'org/b:tuned')).toBe(true);
  expect(allows({ models: ['a', 'org/*'] }, 'A')).toBe(false);
  expect(allows({ models: [] }, 'a')).toBe(false);
});
