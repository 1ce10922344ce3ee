/**
 * Headers that belong to one connection (RFC 9110, 7.6.1), that undici writes itself (host,
 * content-length), or that must not reach an engine.
 */
const neverForwarded = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  // A client's key, and what a browser keeps for this origin, are for this router alone.
  'cookie',
  'authorization',
  'x-api-key',
  'api-key',
  'host',
  'content-length',
  // Replaced below.
  'accept-encoding',
  'x-request-id',
  // llama.cpp goes on generating after the client has gone when this is set.
  'x-conversation-id',
]);

/** Replaced when this router traces; else the client's own go on. */
const traceHeaders = new Set(['traceparent', 'tracestate']);

/**
 * The header pairs that go upstream: the client's, in their order and with their case, less what ends
 * at this hop.
 * @param raw name, value, name, value … as node:http gives them
 * @param requestId sent as x-request-id
 * @param trace headers that continue the trace, when this router traces
 * @param own pairs that the replica is to get besides, in the place of the client's of the same name
 */
export function requestHeaders(
  raw: readonly string[],
  requestId: string,
  trace: Readonly<Record<string, string>> | undefined,
  own: readonly string[] = [],
): string[] {
  const named = connectionOptions(raw);
  const ownNames = own.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
  const headers = ['accept-encoding', 'identity', 'x-request-id', requestId];
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? '';
    const lower = name.toLowerCase();
    if (neverForwarded.has(lower) || named?.has(lower)) continue;
    if ((trace && (traceHeaders.has(lower) || lower in trace)) || ownNames.includes(lower))
      continue;
    headers.push(name, raw[at + 1] ?? '');
  }
  for (const name in trace) headers.push(name, trace[name] ?? '');
  headers.push(...own);
  return headers;
}

/** Header names that the Connection header says are for this hop only. */
export function connectionOptions(raw: readonly string[]): Set<string> | undefined {
  let named: Set<string> | undefined;
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? '';
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue;
    for (const option of (raw[at + 1] ?? '').split(',')) {
      const token = option.trim().toLowerCase();
      if (token === '' || token === 'keep-alive' || token === 'close') continue;
      named ??= new Set();
      named.add(token);
    }
  }
  return named;
}
