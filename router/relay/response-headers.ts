import { connectionOptions } from './request-headers.ts';

/** Headers that belong to the engine's connection, or that this router sets itself. */
const neverForwarded = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-request-id',
]);

/** What a reply's head says about its body. */
export interface ReplyHead {
  readonly status: number;
  /** Header pairs for the client, in the engine's order and case. */
  readonly headers: string[];
  readonly isEventStream: boolean;
  /** Undefined: chunked, or until the connection's end. */
  readonly contentLength: number | undefined;
}

/**
 * Makes the head for the client out of the engine's.
 * @param raw name, value, name, value … as undici gives them
 * @param requestId sent as x-request-id
 */
export function replyHead(
  status: number,
  raw: readonly (string | Buffer)[],
  requestId: string,
): ReplyHead {
  const pairs = raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1')));
  const named = connectionOptions(pairs);
  const headers = ['x-request-id', requestId];
  let isEventStream = false;
  let contentLength: number | undefined;
  for (let at = 0; at + 1 < pairs.length; at += 2) {
    const name = pairs[at] ?? '';
    const value = pairs[at + 1] ?? '';
    const lower = name.toLowerCase();
    if (neverForwarded.has(lower) || named?.has(lower)) continue;
    if (lower === 'content-type') isEventStream = /^text\/event-stream\b/i.test(value);
    if (lower === 'content-length') contentLength = Number(value);
    headers.push(name, value);
  }
  // Tells nginx and its kin in front of us not to collect events.
  if (isEventStream) headers.push('x-accel-buffering', 'no');
  return { status, headers, isEventStream, contentLength };
}
