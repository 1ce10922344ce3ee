import { isDeepStrictEqual } from 'node:util';

/** Where pieces of an answer stand; what differs there between two events makes one longer event. */
const pieceFields = new Set(['content', 'text', 'delta', 'partial_json', 'arguments', 'logprobs']);
/** Counts the events, however they are cut. */
const countFields = new Set(['sequence_number']);

/**
 * An outcome in which successive pieces of an answer are one. An engine that makes several tokens
 * before it is read sends them as one event, so the cuts differ from one answer to the next.
 */
export function mergePieces(value: unknown): unknown {
  if (typeof value === 'string') return isEventStream(value) ? mergePieces(eventsOf(value)) : value;
  if (Array.isArray(value)) {
    const merged: unknown[] = [];
    for (const item of value.map(mergePieces)) {
      const joined = merged.length > 0 ? join(merged.at(-1), item, false) : undefined;
      if (joined === undefined) merged.push(item);
      else merged[merged.length - 1] = joined;
    }
    return merged;
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([key]) => !countFields.has(key));
  return Object.fromEntries(entries.map(([key, field]) => [key, mergePieces(field)]));
}

/** Two values as one; undefined when they differ in more than pieces. */
function join(a: unknown, b: unknown, isPiece: boolean): unknown {
  if (typeof a === 'string' && typeof b === 'string' && isPiece) return a + b;
  if (Array.isArray(a) && Array.isArray(b) && isPiece) return [...a, ...b];
  if (isObject(a) && isObject(b)) return joinObjects(a, b, isPiece);
  if (Array.isArray(a) && Array.isArray(b) && a.length === b.length) {
    const items = a.map((item, index) => join(item, b[index], false));
    return items.includes(undefined) ? undefined : items;
  }
  return isDeepStrictEqual(a, b) ? a : undefined;
}

function joinObjects(a: Fields, b: Fields, isPiece: boolean): Fields | undefined {
  if (!isDeepStrictEqual(Object.keys(a), Object.keys(b))) return undefined;
  const joined: Fields = {};
  for (const [key, field] of Object.entries(a)) {
    joined[key] = join(field, b[key], pieceFields.has(key) || (isPiece && key === 'content'));
    if (joined[key] === undefined) return undefined;
  }
  return joined;
}

type Fields = Record<string, unknown>;

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEventStream(text: string): boolean {
  return /^(data|event): /.test(text);
}

/** The events of a stream, each with its name and its data as JSON where it is. */
function eventsOf(text: string): unknown[] {
  return text.split('\n\n').map((event) => {
    const [, name, data = ''] = /^(?:event: (.*)\n)?data: (.*)$/s.exec(event) ?? [];
    try {
      return { name: name ?? '', data: JSON.parse(data) };
    } catch {
      return { event };
    }
  });
}
