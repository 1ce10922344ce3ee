import { hash, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../../kube/resources.ts';
import { type Policy, parsePolicy } from './policy.ts';

/** A key and what it may do. The key itself is kept nowhere, only its SHA-256. */
export interface ApiKey extends Policy {
  /** `namespace/name` of the Secret it is from. */
  readonly secret: string;
  readonly digest: Buffer;
}

/** A Secret that gives no key. */
export interface BrokenKey {
  readonly secret: string;
  readonly problem: string;
}

/** A Secret as far as it is kept: without its data and annotations, in which the key stands. */
export interface KeySecret extends Secret {
  reading?: ApiKey | BrokenKey;
}

/** All keys at one moment. Never changed; a new one takes its place. */
export interface Keyring {
  /** By their digests in hexadecimal. */
  readonly keys: ReadonlyMap<string, ApiKey>;
  readonly broken: readonly BrokenKey[];
}

const fields = ['key', 'sha256', 'policy'];
/** Fewer could be guessed. */
const leastCharacters = 16;

/** Reads a Secret that holds a key: `key` or `sha256`, and perhaps `policy`. */
export function readKeySecret(secret: Secret): KeySecret {
  const { name, namespace = '', uid, resourceVersion, creationTimestamp } = secret.metadata;
  const metadata = { name, namespace, uid, resourceVersion, creationTimestamp };
  const reading = readKey(`${namespace}/${name}`, name, secret.data);
  return { apiVersion: secret.apiVersion, kind: secret.kind, metadata, reading };
}

/**
 * Makes the keyring. Of two Secrets with the same key the older counts, so that nobody widens a key's
 * policy by a copy of it.
 */
export function keyringOf(secrets: readonly KeySecret[]): Keyring {
  const keys = new Map<string, ApiKey>();
  const broken: BrokenKey[] = [];
  for (const { reading } of [...secrets].sort(byAge)) {
    if (!reading) continue;
    if ('problem' in reading) {
      broken.push(reading);
      continue;
    }
    const digest = reading.digest.toString('hex');
    const same = keys.get(digest);
    if (!same) keys.set(digest, reading);
    else broken.push({ secret: reading.secret, problem: `${same.secret} has the same key` });
  }
  return { keys, broken };
}

/**
 * Finds the key that a client presented. A wrong key takes as long as a right one as far as that could
 * help anybody: what is looked up and compared is the SHA-256, and the time of that tells at most how a
 * stored digest begins, which leads nowhere near its key.
 */
export function findKey({ keys }: Keyring, presented: string): ApiKey | undefined {
  const hex = hash('sha256', presented, 'hex');
  const key = keys.get(hex);
  return key && timingSafeEqual(key.digest, Buffer.from(hex, 'hex')) ? key : undefined;
}

function readKey(
  secret: string,
  name: string,
  data: Readonly<Record<string, string>> = {},
): ApiKey | BrokenKey {
  const text = (field: string) =>
    Buffer.from(data[field] ?? '', 'base64')
      .toString('utf8')
      .trim();
  const unknown = Object.keys(data).filter((field) => !fields.includes(field));
  if (unknown.length > 0) {
    return { secret, problem: `unknown field ${unknown.join()}; there are ${fields.join(', ')}` };
  }
  const digest = readDigest(text('key'), text('sha256'));
  if ('problem' in digest) return { secret, ...digest };
  const policy = parsePolicy(text('policy'), name);
  return 'problem' in policy ? { secret, ...policy } : { secret, ...digest, ...policy };
}

function readDigest(key: string, sha256: string): { digest: Buffer } | { problem: string } {
  if ((key === '') === (sha256 === '')) {
    return { problem: 'exactly one of key and sha256 must be set' };
  }
  if (sha256 !== '') {
    return /^[0-9a-f]{64}$/i.test(sha256)
      ? { digest: Buffer.from(sha256, 'hex') }
      : { problem: 'sha256 must be 64 hexadecimal digits' };
  }
  if (!/^[\x21-\x7e]+$/.test(key) || key.length < leastCharacters) {
    return { problem: `key must be at least ${leastCharacters} visible ASCII characters` };
  }
  return { digest: Buffer.from(hash('sha256', key, 'hex'), 'hex') };
}

function byAge({ metadata: a }: KeySecret, { metadata: b }: KeySecret): number {
  const ageMs = Date.parse(a.creationTimestamp) - Date.parse(b.creationTimestamp);
  return ageMs || (a.name < b.name ? -1 : 1);
}

/** The highest priority of a key; undefined: all have the same. */
export function highestPriority({ keys }: Keyring): number | undefined {
  const priorities = Array.from(keys.values(), ({ priority }) => priority);
  const highest = Math.max(...priorities);
  return Math.min(...priorities) < highest ? highest : undefined;
}
