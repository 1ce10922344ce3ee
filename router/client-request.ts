import type { FastifyRequest } from 'fastify';
import type { RequestStart } from '../telemetry/request-events.ts';
import { ApiError } from './openai/errors.ts';
import { resolvePath, type ServedPath } from './openai/paths.ts';

const nothing = Buffer.alloc(0);

/** What a client sent, as the steps of an {@link Exchange} read it. */
export class ClientRequest {
  readonly #request: FastifyRequest;
  /** Without the query. */
  readonly path: string;
  /** With its question mark; empty when there is none. */
  readonly query: string;

  constructor(request: FastifyRequest) {
    this.#request = request;
    const url = request.raw.url ?? '/';
    const question = url.indexOf('?');
    this.path = question < 0 ? url : url.slice(0, question);
    this.query = question < 0 ? '' : url.slice(question);
  }

  /** What the path leads to; undefined: nothing. Looked up at each call. */
  get served(): ServedPath | undefined {
    return resolvePath(this.path);
  }

  get id(): string {
    return this.#request.id;
  }

  get method(): string {
    return this.#request.method;
  }

  get headers(): FastifyRequest['headers'] {
    return this.#request.headers;
  }

  /** The value of a header that a client sends once; undefined: it did not. @param name in lower case */
  header(name: string): string | undefined {
    const value = this.#request.headers[name];
    return typeof value === 'string' ? value : undefined;
  }

  /** Name, value, name, value … as they came. */
  get rawHeaders(): readonly string[] {
    return this.#request.raw.rawHeaders;
  }

  /** Empty when none came or none was read. */
  get body(): Buffer {
    const { body } = this.#request;
    return Buffer.isBuffer(body) ? body : nothing;
  }

  /** Lets go of the body, which may be large and be held for as long as an answer streams. */
  releaseBody(): void {
    this.#request.body = undefined;
  }

  /** Bytes of a body are still to come, or are lost among those of the connection. */
  get bodyIsUnread(): boolean {
    const { complete, headers } = this.#request.raw;
    const announced = headers['content-length'] ?? headers['transfer-encoding'] ?? '0';
    return !complete && announced !== '0';
  }

  /** @throws ApiError unsupported_encoding: what is compressed cannot be read, and engines do not either */
  requirePlainBody(): void {
    const encoding = this.#request.headers['content-encoding'];
    if (encoding === undefined || encoding === 'identity') return;
    throw new ApiError('unsupported_encoding', `The body’s encoding ${encoding} is not supported.`);
  }

  /** How its record begins. */
  start(route: string, nowMs: number): RequestStart {
    const { raw, id, method, ip, arrivedMs } = this.#request;
    return {
      requestId: id,
      method,
      path: this.path,
      route,
      // A request that could not be routed has met no hook.
      startMs: arrivedMs || nowMs,
      receivedMs: nowMs,
      headers: raw.headers,
      clientAddress: ip,
      httpVersion: raw.httpVersion,
      bytesIn: this.body.length,
    };
  }
}
