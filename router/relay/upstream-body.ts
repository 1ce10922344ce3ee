import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { Replica } from '../catalog/model.ts';
import type { Target } from '../catalog/target.ts';
import { spliceModel } from '../openai/splice.ts';
import { withAdapter } from './adapter-request.ts';
import type { RelayRequest } from './request.ts';
import { withUsage } from './usage-request.ts';

/** undici keeps a Buffer until the answer has ended; what it writes piece by piece it lets go. */
const keptBytes = 16 * 1024;
const pieceBytes = 256 * 1024;

/** A request's body as one replica is to get it. */
export interface UpstreamBody {
  /** Null: none. */
  readonly body: NonNullable<Dispatcher.DispatchOptions['body']> | null;
  /** Header pairs that belong to it. */
  readonly headers: readonly string[];
  /** The engine is asked for the usage, which the client did not want. */
  readonly addedUsage: boolean;
}

/**
 * The client's bytes, with the name that the target's replicas know the model by, with the number of an adapter
 * where the replica wants that, and with the wish for usage where tokens are to be counted.
 */
export function upstreamBody(
  request: RelayRequest,
  target: Target,
  { adapterIds }: Replica,
  countTokens: boolean,
): UpstreamBody {
  const { asked, endpoint } = request;
  const counted = countTokens ? withUsage(endpoint.path, request.body, asked) : undefined;
  let body = counted?.body ?? request.body;
  const span = counted ? counted.modelSpan : asked.modelSpan;
  if (span && target.engineName !== asked.model) {
    body = spliceModel(body, span, asked.framing, target.engineName);
  }
  if (adapterIds && span) body = withAdapter(endpoint.path, body, adapterIds, target.adapter);
  const addedUsage = counted !== undefined;
  if (body.length === 0 && endpoint.method !== 'POST')
    return { body: null, headers: [], addedUsage };
  if (body.length <= keptBytes) return { body, headers: [], addedUsage };
  return {
    // undici takes an iterable too; only its types do not say so.
    body: pieces(body) as unknown as Readable,
    headers: ['content-length', String(body.length)],
    addedUsage,
  };
}

/** An iterable that can be gone through once and holds nothing afterwards. */
function pieces(whole: Buffer): Iterable<Buffer> {
  let body: Buffer | undefined = whole;
  let at = 0;
  const next = (): IteratorResult<Buffer> => {
    const value = body?.subarray(at, at + pieceBytes);
    at += pieceBytes;
    if (value?.length) return { value, done: false };
    body = undefined;
    return { value: undefined, done: true };
  };
  return { [Symbol.iterator]: () => ({ next }) };
}
