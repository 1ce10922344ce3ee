import type { FastifyReply, FastifyRequest } from 'fastify';
import { otherValue } from '../telemetry/contract.ts';
import { RequestRecord } from '../telemetry/request-record.ts';
import type { RequestTelemetry } from '../telemetry/request-telemetry.ts';
import type { CatalogSource } from './catalog/watch.ts';
import { type ModelEndpoint, modelsPath, resolvePath } from './openai/endpoints.ts';
import { ApiError, errorBody, errorHeaders } from './openai/errors.ts';
import { asApiError } from './openai/framework-errors.ts';
import { modelCard, modelList } from './openai/model-cards.ts';
import { findModel, readAsked, requireFeature } from './openai/resolve.ts';
import type { RelayRequest } from './relay/relay.ts';

/** What answering needs to know. */
export interface Answering {
  catalog: CatalogSource;
  telemetry: RequestTelemetry;
  nowMs: () => number;
  isDraining: () => boolean;
  log: { error(fields: object, message: string): void };
}

/** One request of a client and the one answer it gets. */
export class Exchange {
  readonly #answering: Answering;
  readonly #request: FastifyRequest;
  readonly #reply: FastifyReply;
  readonly #path: string;
  readonly #query: string;
  #record: RequestRecord | undefined;

  constructor(answering: Answering, request: FastifyRequest, reply: FastifyReply) {
    this.#answering = answering;
    this.#request = request;
    this.#reply = reply;
    const url = request.raw.url ?? '/';
    const question = url.indexOf('?');
    this.#path = question < 0 ? url : url.slice(0, question);
    this.#query = question < 0 ? '' : url.slice(question);
    if (answering.isDraining()) reply.raw.shouldKeepAlive = false;
  }

  /** Reads a model call up to the choice of a replica; undefined: it is refused and answered. */
  prepareRelay(endpoint: ModelEndpoint): RelayRequest | undefined {
    const { catalog } = this.#answering;
    const record = this.#begin(endpoint.path);
    const { operation, path, feature } = endpoint;
    let modelKnown = false;
    try {
      this.#requirePlainBody();
      const body = this.#body() ?? Buffer.alloc(0);
      const asked = readAsked(body);
      const known = catalog.current().byName.get(asked.model);
      record.call({
        operation,
        model: known && asked.model,
        namespace: known?.namespace,
        stream: asked.stream,
      });
      modelKnown = true;
      requireFeature(findModel(catalog.current(), asked.model), feature, path);
      return {
        endpoint,
        target: path + this.#query,
        rawHeaders: this.#request.raw.rawHeaders,
        body,
        requestId: this.#request.id,
        response: this.#reply.raw,
        record,
        model: () => catalog.current().byName.get(asked.model),
      };
    } catch (error) {
      if (!modelKnown) record.call({ operation, model: undefined, stream: false });
      this.refuse(error);
      return undefined;
    }
  }

  /** Answers GET /v1/models. */
  listModels(): FastifyReply {
    this.#begin(modelsPath);
    return this.#answer(200, JSON.stringify(modelList(this.#answering.catalog.current())));
  }

  /** Answers GET /v1/models/{id}; the id may hold `/`, raw or escaped. */
  showModel(): FastifyReply {
    this.#begin(`${modelsPath}/{id}`);
    const escaped = resolvePath(this.#path)?.path.slice(modelsPath.length + 1) ?? '';
    try {
      const id = decodeURIComponent(escaped);
      const model = findModel(this.#answering.catalog.current(), id);
      return this.#answer(200, JSON.stringify(modelCard(id, model)));
    } catch (error) {
      return this.refuse(error);
    }
  }

  /** Answers what no route is for: an unknown path, a wrong method, OPTIONS. */
  nothingHere(): FastifyReply {
    const { method } = this.#request;
    const served = resolvePath(this.#path);
    this.#begin(otherValue);
    if (!served) return this.refuse(new ApiError('not_found', `There is no ${this.#path} here.`));
    this.#reply.header('allow', served.methods.join(', '));
    if (method === 'OPTIONS') return this.#answer(204, '');
    return this.refuse(
      new ApiError('method_not_allowed', `${served.path} is not served by ${method}.`),
    );
  }

  /** Answers with an error; what is not ours is an internal error and goes to the log. */
  refuse(thrown: unknown): FastifyReply {
    const error = asApiError(thrown);
    if (error.cause) {
      this.#answering.log.error({ err: error.cause, request_id: this.#request.id }, error.message);
    }
    const record = this.#record ?? this.#begin(resolvePath(this.#path)?.path ?? otherValue);
    const body = errorBody(error);
    const { status, label } = error.kind;
    const headers = errorHeaders(error, Buffer.byteLength(body));
    const { raw } = this.#reply;
    if (raw.destroyed) {
      record.end({ status: 0, errorType: 'client_disconnected', bytesOut: 0 });
      return this.#reply;
    }
    const allow = this.#reply.getHeader('allow');
    if (typeof allow === 'string') headers.push('allow', allow);
    this.#reply.hijack();
    // The rest of a body that was refused unread must not be taken for the next request.
    if (this.#bodyIsUnread()) headers.push('connection', 'close');
    raw.writeHead(status, ['x-request-id', this.#request.id, ...headers]);
    raw.end(this.#request.method === 'HEAD' ? undefined : body);
    record.end({ status, errorType: label, bytesOut: Buffer.byteLength(body) });
    return this.#reply;
  }

  #answer(status: number, json: string): FastifyReply {
    this.#record?.end({ status, bytesOut: Buffer.byteLength(json) });
    this.#reply.code(status).header('x-request-id', this.#request.id);
    return status === 204
      ? this.#reply.send()
      : this.#reply.header('content-type', 'application/json').send(json);
  }

  #begin(route: string): RequestRecord {
    const { telemetry, nowMs } = this.#answering;
    const { raw, id, method, ip } = this.#request;
    this.#record = new RequestRecord(telemetry, {
      requestId: id,
      method,
      path: this.#path,
      route,
      // A request that could not be routed has met no hook.
      startMs: this.#request.arrivedMs || nowMs(),
      receivedMs: nowMs(),
      headers: raw.headers,
      clientAddress: ip,
      httpVersion: raw.httpVersion,
      bytesIn: this.#body()?.length ?? 0,
    });
    return this.#record;
  }

  #body(): Buffer | undefined {
    const { body } = this.#request;
    return Buffer.isBuffer(body) ? body : undefined;
  }

  #bodyIsUnread(): boolean {
    const { complete, headers } = this.#request.raw;
    const announced = headers['content-length'] ?? headers['transfer-encoding'] ?? '0';
    return !complete && announced !== '0';
  }

  #requirePlainBody(): void {
    const encoding = this.#request.headers['content-encoding'];
    if (encoding === undefined || encoding === 'identity') return;
    throw new ApiError('unsupported_encoding', `The body’s encoding ${encoding} is not supported.`);
  }
}
