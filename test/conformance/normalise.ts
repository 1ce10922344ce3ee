/** Fields that differ between any two answers: ids, times and how long something took. */
const variableFields = new Set([
  ...['id', 'item_id', 'call_id', 'response_id', 'tool_call_id', 'request_id', 'requestID'],
  ...['created', 'created_at', 'completed_at', 'timings', 'durationMs', 'obfuscation'],
]);

/** Ids and times inside text, such as the bytes of an event stream. */
const variableText: readonly [RegExp, string][] = [
  [
    /\b(chatcmpl|cmpl|embd|embeddings|resp|msg|call|fc|rs|rerank|score|chatcmpl-tool|toolu|req)[-_][A-Za-z0-9_-]{6,}/g,
    '$1-…',
  ],
  [/"(created|created_at|completed_at)": ?\d+(\.\d+)?/g, '"$1":0'],
  [/"timings": ?\{[^}]*\}/g, '"timings":{}'],
  [/"(id|call_id|item_id)": ?"[A-Za-z0-9_-]{20,}"/g, '"$1":"…"'],
  [/http:\/\/127\.0\.0\.1:\d+/g, 'http://target'],
];

/** An outcome without what differs between any two answers to one question. */
export function normalise(value: unknown): unknown {
  if (typeof value === 'string') {
    return variableText.reduce((text, [pattern, by]) => text.replace(pattern, by), value);
  }
  if (Array.isArray(value)) return value.map(normalise);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, field]) => [
    key,
    variableFields.has(key) && field !== null ? '…' : normalise(field),
  ]);
  return Object.fromEntries(entries);
}
