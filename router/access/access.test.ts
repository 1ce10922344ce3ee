import { hash } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { ApiError } from '../openai/errors.ts';
import { Access, type AccessMode } from './access.ts';
import type { ApiKey, Keyring } from './keyring.ts';
import { parsePolicy } from './policy.ts';

const noon = Date.UTC(2026, 0, 1, 12);
let nowMs = 0;
beforeEach(() => {
  nowMs = 100_000;
});

function ringOf(keys: Record<string, string>): Keyring {
  const entries = Object.entries(keys).map(([key, text]): [string, ApiKey] => {
    const policy = parsePolicy(text, 'someone');
    if ('problem' in policy) throw new Error(policy.problem);
    const hex = hash('sha256', key, 'hex');
    return [hex, { ...policy, secret: `keys/${key}`, digest: Buffer.from(hex, 'hex') }];
  });
  return { keys: new Map(entries), broken: [] };
}

/** There is no other router. */
const alone = { elsewhere: () => ({ inFlight: 0, requests: 0, tokens: 0 }) };

function accessWith(keys: Record<string, string>, mode: AccessMode = 'required'): Access {
  const access = new Access({
    ...alone,
    mode,
    nowMs: () => nowMs,
    wallClockMs: () => noon + nowMs,
  });
  access.replaceKeyring(ringOf(keys));
  return access;
}

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

function refusalOf(act: () => unknown): ApiError {
  try {
    act();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('the door', () => {
  test('off, it asks nobody', () => {
    const access = accessWith({ k: '' }, 'off');
    expect(access.authenticate({}).tenant).toBeUndefined();
  });

  test('optional, it is open until there is a Secret for a key, whatever that holds', () => {
    const access = accessWith({}, 'optional');
    expect(access.isOpen).toBe(true);
    expect(access.authenticate(bearer('anything')).mayUse('m')).toBe(true);
    access.replaceKeyring({ keys: new Map(), broken: [{ secret: 'keys/a', problem: 'x' }] });
    expect(access.isOpen).toBe(false);
    expect(refusalOf(() => access.authenticate({})).kind.status).toBe(401);
  });

  test('optional, it is shut until the keys have been read', () => {
    const access = new Access({
      ...{ ...alone, mode: 'optional' },
      ...{ nowMs: () => 0, wallClockMs: () => noon },
    });
    expect(access.isOpen).toBe(false);
    expect(refusalOf(() => access.authenticate(bearer('k'))).kind.status).toBe(401);
  });

  test('required, it is shut even without any key', () => {
    expect(refusalOf(() => accessWith({}).authenticate({})).kind.code).toBe('invalid_api_key');
  });

  test.each([
    ['a bearer token', { authorization: 'Bearer k1' }],
    ['a bearer token in other case', { authorization: 'bearer  k1 ' }],
    ['x-api-key', { 'x-api-key': 'k1' }],
    ['x-api-key beside another scheme', { authorization: 'Basic abc', 'x-api-key': 'k1' }],
  ])('takes a key as %s', (_how, headers) => {
    expect(accessWith({ k1: 'tenant: a' }).authenticate(headers).tenant).toBe('a');
  });

  test.each([
    ['no key', {}, /No API key/],
    ['an empty key', { authorization: 'Bearer ' }, /No API key/],
    ['an unknown key', bearer('k2'), /not known/],
    ['a key of a kind of its own', { authorization: 'Basic k1' }, /No API key/],
    ['a key that has expired', bearer('old'), /expired/],
  ])('refuses %s', (_what, headers, says) => {
    const access = accessWith({ k1: '', old: 'expires: 2026-01-01' });
    const error = refusalOf(() => access.authenticate(headers));
    expect(error.kind.status).toBe(401);
    expect(error.message).toMatch(says);
    expect(error.details.headers).toEqual(['www-authenticate', 'Bearer']);
  });

  test('a key that expires is refused from that moment on', () => {
    const access = accessWith({ k: 'expires: 2026-01-01T12:02:00Z' });
    nowMs = 119_999;
    access.authenticate(bearer('k'));
    nowMs = 120_000;
    refusalOf(() => access.authenticate(bearer('k')));
  });

  test('another keyring holds at once', () => {
    const access = accessWith({ k1: '' });
    access.replaceKeyring(ringOf({ k2: '' }));
    access.authenticate(bearer('k2'));
    refusalOf(() => access.authenticate(bearer('k1')));
  });
});

describe('limits', () => {
  test('requests per minute: what is left is told, what is too much waits', () => {
    const caller = accessWith({ k: 'requestsPerMinute: 2' }).authenticate(bearer('k'));
    expect(caller.admit().headers).toEqual([
      ...['x-ratelimit-limit-requests', '2'],
      ...['x-ratelimit-remaining-requests', '1'],
      ...['x-ratelimit-reset-requests', '61s'],
    ]);
    nowMs += 10_000;
    caller.admit().end({});
    const error = refusalOf(() => caller.admit());
    expect(error.kind).toMatchObject({ status: 429, code: 'rate_limit_exceeded' });
    expect(error.message).toContain('2 requests per minute');
    expect(error.details.retryAfterMs).toBe(51_000);
    expect(error.details.headers).toContain('x-ratelimit-remaining-requests');
    nowMs += 51_000;
    caller.admit();
  });

  test('tokens per minute count when an answer ends', () => {
    const caller = accessWith({ k: 'tokensPerMinute: 100' }).authenticate(bearer('k'));
    const first = caller.admit();
    const second = caller.admit();
    expect(first.countTokens).toBe(true);
    first.end({ inputTokens: 90, outputTokens: 9 });
    expect(caller.admit().headers).toContain('x-ratelimit-remaining-tokens');
    second.end({ inputTokens: 1 });
    expect(refusalOf(() => caller.admit()).message).toContain('100 tokens per minute');
    nowMs += 61_000;
    caller.admit();
  });

  test('requests at once', () => {
    const caller = accessWith({ k: 'maxInFlight: 1' }).authenticate(bearer('k'));
    const grant = caller.admit();
    expect(grant.countTokens).toBe(false);
    expect(refusalOf(() => caller.admit()).details.retryAfterMs).toBe(1_000);
    grant.end({});
    caller.admit();
  });

  test('keys of one tenant share what they use, each within its own limits', () => {
    const access = accessWith({
      a: 'tenant: t\nmaxInFlight: 2',
      b: 'tenant: t\nmaxInFlight: 2',
      c: 'tenant: other\nmaxInFlight: 1',
    });
    access.authenticate(bearer('a')).admit();
    access.authenticate(bearer('b')).admit();
    refusalOf(() => access.authenticate(bearer('a')).admit());
    access.authenticate(bearer('c')).admit();
  });

  test('a rotated key goes on with what its tenant has used', () => {
    const access = accessWith({ old: 'tenant: t\nrequestsPerMinute: 1' });
    access.authenticate(bearer('old')).admit();
    access.replaceKeyring(ringOf({ new: 'tenant: t\nrequestsPerMinute: 1' }));
    refusalOf(() => access.authenticate(bearer('new')).admit());
  });

  test('a key that was away for a moment comes back to what its tenant has used', () => {
    const keys = { k: 'tenant: t\nrequestsPerMinute: 1' };
    const access = accessWith(keys);
    access.authenticate(bearer('k')).admit().end({});
    access.replaceKeyring(ringOf({}));
    access.replaceKeyring(ringOf(keys));
    refusalOf(() => access.authenticate(bearer('k')).admit());
    nowMs += 61_000;
    access.replaceKeyring(ringOf(keys));
    access.authenticate(bearer('k')).admit();
  });
});
