import { connectionOptions } from './request-headers.ts';

/** Headers that belong to the engine's connection. */
const neverForwarded = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** What a reply's head says about its body. */
export interface ReplyHead {
  readonly status: number;
  /** Header pairs for the client, in the engine's order and case. */
  readonly headers: string[];
  readonly isEventStream: boolean;
  /** JSON that can be read as it is: not compressed. */
  readonly isJson: boolean;
  /** Undefined: chunked, or until the connection's end. */
  readonly contentLength: number | undefined;
  /** The body ends with the replica's connection and by no other sign. */
  readonly isUntilClose: boolean;
}

/** Whether an answer is a stream of events that went well. */
export function isStream({ status, isEventStream }: ReplyHead): boolean {
  return isEventStream && status >= 200 && status < 300;
}

/** CORS is this router's alone; engines such as vLLM allow every origin. */
const corsPrefix = 'access-control-';

/**
 * Makes the head for the client out of the engine's.
 * @param raw name, value, name, value … as undici gives them
 * @param own pairs that the router adds; they win over the engine's of the same name
 */
export function replyHead(
  status: number,
  raw: readonly (string | Buffer)[],
  own: readonly string[],
): ReplyHead {
  const pairs = raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1')));
  const named = connectionOptions(pairs);
  const ownNames = new Set(own.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase()));
  const headers = [...own];
  let contentType = '';
  let isEncoded = false;
  let isChunked = false;
  let contentLength: number | undefined;
  for (let at = 0; at + 1 < pairs.length; at += 2) {
    const name = pairs[at] ?? '';
    const value = pairs[at + 1] ?? '';
    const lower = name.toLowerCase();
    if (lower === 'transfer-encoding') isChunked = true;
    if (neverForwarded.has(lower) || named?.has(lower) || ownNames.has(lower)) continue;
    if (lower.startsWith(corsPrefix)) continue;
    if (lower === 'content-type') contentType = value;
    if (lower === 'content-length') contentLength = Number(value);
    if (lower === 'content-encoding') isEncoded = value !== 'identity';
    headers.push(name, value);
  }
  const isEventStream = /^text\/event-stream\b/i.test(contentType);
  const isJson = !isEncoded && /^application\/json\b/i.test(contentType);
  // Tells nginx and its kin in front of us not to collect events.
  if (isEventStream) headers.push('x-accel-buffering', 'no');
  const isUntilClose = !isChunked && contentLength === undefined;
  return { status, headers, isEventStream, isJson, contentLength, isUntilClose };
}

/** The head of the same answer with a body of another length. */
export function withLength(head: ReplyHead, contentLength: number): ReplyHead {
  const headers = head.headers.filter(
    (_, at) => head.headers[at - (at % 2)]?.toLowerCase() !== 'content-length',
  );
  return {
    ...head,
    headers: [...headers, 'content-length', String(contentLength)],
    contentLength,
  };
}
