import { createHash } from 'node:crypto';
import type { ApplyOptions, KubeClient } from './client.ts';
import type { Intent, KubeObject, ResourceType } from './object.ts';

/**
 * Applies `intent` server-side, unless `current` was last applied from this very intent and still says so:
 * then nothing is written and `current` comes back.
 * @param options `hashAnnotation` is where the hash of the intent is kept
 */
export async function applyIfChanged<T extends KubeObject>(
  client: KubeClient,
  type: ResourceType<T>,
  current: T | undefined,
  intent: Intent<T>,
  { hashAnnotation, ...options }: ApplyOptions & { hashAnnotation: string },
): Promise<T> {
  const hash = createHash('sha256').update(JSON.stringify(intent, inKeyOrder)).digest('hex');
  const annotations = { ...intent.metadata.annotations, [hashAnnotation]: hash.slice(0, 16) };
  const marked = { ...intent, metadata: { ...intent.metadata, annotations } };
  if (current && covers(current, marked)) return current;
  return client.apply(type, marked, options);
}

/**
 * Whether `current` says everything that `intent` says: maps may hold more, lists must be equal. A quantity
 * written otherwise than the server does reads as a difference.
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

/** For JSON.stringify: the same text for the same value, whatever the order of its keys. */
function inKeyOrder(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
