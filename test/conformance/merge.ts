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
  if (Array.isArray(value)) return value.map(mergePieces).reduce<unknown[]>(withNext, []);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).filter(([key]) => !countFields.has(key));
  return Object.fromEntries(entries.map(([key, field]) => [key, mergePieces(field)]));
}

/** Adds an item to those before: as part of the last one when both are pieces of the same. */
function withNext(items: unknown[], item: unknown): unknown[] {
  const last = items.at(-1);
  if (typeof last === 'string' && typeof item === 'string')
    return [...items.slice(0, -1), last + item];
  const joined = hasPiece(last) && hasPiece(item) ? join(last, item, false) : undefined;
  return joined === undefined ? [...items, item] : [...items.slice(0, -1), joined];
}

/** Two values as one; undefined when they differ in more than pieces. */
function join(a: unknown, b: unknown, isPiece: boolean): unknown {
  if (isPiece && typeof a === 'string' && typeof b === 'string') return a + b;
  if (isPiece && Array.isArray(a) && Array.isArray(b)) return [...a, ...b];
  if (Array.isArray(a) && Array.isArray(b) && a.length === b.length) {
    const items = a.map((item, index) => join(item, b[index], false));
    return items.includes(undefined) ? undefined : items;
  }
  if (isObject(a) && isObject(b)) {
    if (!isDeepStrictEqual(Object.keys(a), Object.keys(b))) return undefined;
    const fields = Object.entries(a).map(([key, field]) => [
      key,
      join(field, b[key], pieceFields.has(key)),
    ]);
    return fields.some(([, field]) => field === undefined) ? undefined : Object.fromEntries(fields);
  }
  return isDeepStrictEqual(a, b) ? a : undefined;
}

/** Whether a value holds text of an answer somewhere. */
function hasPiece(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasPiece);
  if (!isObject(value)) return false;
  return Object.entries(value).some(
    ([key, field]) => (pieceFields.has(key) && typeof field === 'string') || hasPiece(field),
  );
}

type Fields = Record<string, unknown>;

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEventStream(text: string): boolean {
  return /^(data|event): /.test(text);
}

/** The events of a stream, each with its name and its data: as JSON where it is, else as it stands. */
function eventsOf(text: string): unknown[] {
  return text.split('\n\n').map((event) => {
    const [, name, data] = /^(?:event: (.*)\n)?data: (.*)$/s.exec(event) ?? [];
    if (data === undefined) return { unparsed: [...event] };
    try {
      return { name: name ?? '', data: JSON.parse(data) };
    } catch {
      return { name: name ?? '', unparsed: [...data] };
    }
  });
}
