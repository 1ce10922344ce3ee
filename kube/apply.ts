import { createHash } from 'node:crypto';
import type { Intent, KubeObject } from './object.ts';

/** The annotation value that says which intent an object was last applied from: 16 hex digits. */
export function intentHash<T extends KubeObject>(intent: Intent<T>): string {
  const text = JSON.stringify(sorted(intent));
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** `intent` with its own hash in `annotation`, ready to be applied. */
export function withIntentHash<T extends KubeObject>(
  intent: Intent<T>,
  annotation: string,
): Intent<T> {
  const { metadata } = intent;
  const annotations = { ...metadata.annotations, [annotation]: intentHash(intent) };
  return { ...intent, metadata: { ...metadata, annotations } };
}

/**
 * Whether `current` was last applied from this very intent, so that no write is needed.
 * @param intent as {@link withIntentHash} gave it
 */
export function isApplied<T extends KubeObject>(
  current: T | undefined,
  intent: Intent<T>,
  annotation: string,
): boolean {
  const wanted = intent.metadata.annotations?.[annotation];
  return wanted !== undefined && current?.metadata.annotations?.[annotation] === wanted;
}

/**
 * Whether `current` says everything that `intent` says: maps may hold more, lists must be equal. For
 * status, which has no place for a hash. A quantity written otherwise than the server does reads as a
 * difference.
 */
export function covers(current: unknown, intent: unknown): boolean {
  if (typeof intent !== 'object' || intent === null) return current === intent;
  if (typeof current !== 'object' || current === null) return false;
  if (Array.isArray(intent)) {
    if (!Array.isArray(current) || current.length !== intent.length) return false;
    return intent.every((item, index) => covers(current[index], item));
  }
  return Object.entries(intent).every(
    ([key, value]) => value === undefined || covers(Reflect.get(current, key), value),
  );
}

/** The same value with its keys in order at every depth. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}
