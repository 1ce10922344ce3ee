import type { FastifyReply, FastifyRequest } from 'fastify';
import { otherValue } from '../telemetry/contract/values.ts';
import { RequestRecord } from '../telemetry/request-record.ts';
import type { RequestTelemetry } from '../telemetry/request-telemetry.ts';
import type { Access, Caller } from './access/access.ts';
import { usageOf } from './access/usage.ts';
import { targetsOf } from './catalog/fallbacks.ts';
import { targetOf } from './catalog/target.ts';
import type { CatalogSource } from './catalog/watch.ts';
import { ClientRequest } from './client-request.ts';
import { type AllowedOrigins, corsHeaders, preflightHeaders } from './cors.ts';
import { errorBody } from './openai/dialects.ts';
import type { ModelEndpoint } from './openai/endpoints.ts';
import { ApiError, errorHeaders } from './openai/errors.ts';
import { asApiError } from './openai/framework-errors.ts';
import { type ModelCall, readCall, requiredReplica } from './openai/model-call.ts';
import { modelCard, modelList } from './openai/model-cards.ts';
import { readParameters } from './openai/parameters.ts';
import { modelsPath, realtimePath } from './openai/paths.ts';
import { answers, findVisible, requireFeature } from './openai/resolve.ts';
import type { ResponseIds } from './openai/response-ids.ts';
import type { RelayRequest } from './relay/request.ts';

/** What answering needs to know. */
export interface Answering {
  access: Access;
  catalog: CatalogSource;
  telemetry: RequestTelemetry;
  responseIds: ResponseIds;
  corsOrigins: AllowedOrigins;
  nowMs: () => number;
  isDraining: () => boolean;
  log: { error(fields: object, message: string): void };
}

/** One request of a client and the one answer it gets. */
export class Exchange {
  readonly #answering: Answering;
  readonly #request: ClientRequest;
  readonly #reply: FastifyReply;
  #record: RequestRecord | undefined;

  constructor(answering: Answering, request: FastifyRequest, reply: FastifyReply) {
    this.#answering = answering;
    this.#request = new ClientRequest(request);
    this.#reply = reply;
    if (answering.isDraining()) reply.raw.shouldKeepAlive = false;
  }

  /** Reads a model call up to the choice of a replica; undefined: it is refused and answered. */
  prepareRelay(endpoint: ModelEndpoint): RelayRequest | undefined {
    const { catalog, responseIds } = this.#answering;
    const request = this.#request;
    const record = this.#begin(endpoint.path);
    let call: ModelCall | undefined;
    try {
      const caller = this.#authenticate(record);
      request.requirePlainBody();
      call = readCall(endpoint, request, responseIds);
      const { asked } = call;
      const target = findVisible(catalog.current(), asked.model, caller);
      requireFeature(target, endpoint);
      const onlyReplica = requiredReplica(endpoint, call, target.model, responseIds);
      const grant = caller.admit();
      record.whenOver((facts, end) => grant.end(usageOf(facts, end)));
      this.#recordCall(endpoint, call);
      return {
        endpoint,
        path: call.path + request.query,
        rawHeaders: request.rawHeaders,
        body: request.body,
        asked,
        requestId: request.id,
        response: this.#reply.raw,
        replyHeaders: [...this.#corsHeaders(), ...grant.headers],
        record,
        targets: () =>
          targetsOf(
            catalog.current(),
            asked.model,
            (target) => answers(target, endpoint) && caller.mayUse(target.name),
          ),
        onlyReplica,
        priority: caller.priority,
        precedence: caller.precedence,
        sessionKey: request.header('x-session-id'),
        countTokens: grant.countTokens,
        observe: endpoint.storesResponses ? responseIds.learner(asked.model) : undefined,
        refuse: (error) => this.refuse(error),
        fault: (thrown) => this.#fault(thrown),
        releaseBody: () => request.releaseBody(),
      };
    } catch (error) {
      this.#recordCall(endpoint, call);
      this.refuse(error);
      return undefined;
    }
  }

  /** Answers GET /v1/models: what the caller may use. */
  listModels(): FastifyReply {
    const record = this.#begin(modelsPath);
    try {
      const caller = this.#authenticate(record);
      const list = modelList(this.#answering.catalog.current(), caller.mayUse);
      return this.#answer(200, JSON.stringify(list));
    } catch (error) {
      return this.refuse(error);
    }
  }

  /** Answers GET /v1/models/{id}; the id may hold `/`, raw or escaped. */
  showModel(): FastifyReply {
    const record = this.#begin(`${modelsPath}/{id}`);
    const escaped = this.#request.served?.path.slice(modelsPath.length + 1) ?? '';
    try {
      const caller = this.#authenticate(record);
      const id = decodeURIComponent(escaped);
      const target = findVisible(this.#answering.catalog.current(), id, caller);
      return this.#answer(200, JSON.stringify(modelCard(target)));
    } catch (error) {
      return this.refuse(error);
    }
  }

  /** Answers what no route is for: an unknown path, a wrong method, OPTIONS. */
  nothingHere(): FastifyReply {
    const { method, path, served, headers } = this.#request;
    this.#begin(otherValue);
    if (!served) return this.refuse(unknownPath(path));
    this.#reply.header('allow', served.methods.join(', '));
    if (method !== 'OPTIONS') {
      const message = `${served.path} is not served by ${method}.`;
      return this.refuse(new ApiError('method_not_allowed', message));
    }
    const { origin, 'access-control-request-headers': wantedHeaders } = headers;
    const { corsOrigins } = this.#answering;
    return this.#answer(
      204,
      '',
      preflightHeaders(corsOrigins, { origin, wantedHeaders }, served.methods),
    );
  }

  /** Answers with an error; what is not ours is an internal error. */
  refuse(thrown: unknown): FastifyReply {
    const { id, method, served, bodyIsUnread } = this.#request;
    const error = this.#fault(thrown);
    const record = this.#record ?? this.#begin(served?.route ?? otherValue);
    const body = errorBody(error, served?.dialect ?? 'openai', id);
    const bytesOut = Buffer.byteLength(body);
    const { status, label } = error.kind;
    const { raw } = this.#reply;
    if (raw.destroyed) {
      record.end({ status: 0, errorType: 'client_disconnected', bytesOut: 0 });
      return this.#reply;
    }
    const headers = ['x-request-id', id, ...this.#corsHeaders(), ...errorHeaders(error, bytesOut)];
    const allow = this.#reply.getHeader('allow');
    if (typeof allow === 'string') headers.push('allow', allow);
    // The rest of a body that was refused unread must not be taken for the next request.
    if (bodyIsUnread) headers.push('connection', 'close');
    this.#reply.hijack();
    raw.writeHead(status, headers);
    raw.end(method === 'HEAD' ? undefined : body);
    record.end({ status, errorType: label, bytesOut });
    return this.#reply;
  }

  /** The error to answer with; what nobody foresaw goes to the log, once. */
  #fault(thrown: unknown): ApiError {
    const error = asApiError(thrown);
    if (error.cause) {
      const fields = { err: error.cause, request_id: this.#request.id };
      this.#answering.log.error(fields, error.message);
      error.cause = undefined;
    }
    return error;
  }

  /** @throws ApiError invalid_api_key */
  #authenticate(record: RequestRecord): Caller {
    const caller = this.#answering.access.authenticate(this.#request.headers);
    record.from(caller.tenant);
    return caller;
  }

  #answer(status: number, json: string, headers = this.#corsHeaders()): FastifyReply {
    this.#record?.end({ status, bytesOut: Buffer.byteLength(json) });
    this.#reply.code(status).header('x-request-id', this.#request.id);
    for (let at = 0; at + 1 < headers.length; at += 2) {
      this.#reply.header(headers[at] ?? '', headers[at + 1]);
    }
    return status === 204
      ? this.#reply.send()
      : this.#reply.header('content-type', 'application/json').send(json);
  }

  #begin(route: string): RequestRecord {
    const { telemetry, nowMs } = this.#answering;
    this.#record = new RequestRecord(telemetry, this.#request.start(route, nowMs()));
    return this.#record;
  }

  /** Tells the record what is asked; nothing of a name that the catalog has not. */
  #recordCall(endpoint: ModelEndpoint, call: ModelCall | undefined): void {
    const target = call && targetOf(this.#answering.catalog.current(), call.asked.model);
    const { body } = this.#request;
    this.#record?.call(
      {
        operation: endpoint.operation,
        model: target?.model.servedName,
        namespace: target?.model.namespace,
        adapter: target?.adapter,
        stream: call?.asked.stream ?? false,
      },
      call && { bytes: body, parameters: () => readParameters(endpoint, body) },
    );
  }

  #corsHeaders(): string[] {
    return corsHeaders(this.#answering.corsOrigins, this.#request.headers.origin);
  }
}

function unknownPath(path: string): ApiError {
  const message = realtimePath.test(path)
    ? 'Realtime sessions over WebSocket are not served; use /v1/chat/completions or /v1/responses with "stream": true.'
    : `There is no ${path} here.`;
  return new ApiError('not_found', message);
}
