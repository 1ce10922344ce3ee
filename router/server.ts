import type { IncomingMessage, ServerResponse } from 'node:http';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { RequestTelemetry } from '../telemetry/request-telemetry.ts';
import type { Access } from './access/access.ts';
import type { CatalogSource } from './catalog/watch.ts';
import { refuseBrokenRequest } from './client-errors.ts';
import type { AllowedOrigins } from './cors.ts';
import { type Answering, Exchange } from './exchange.ts';
import { modelEndpoints } from './openai/endpoints.ts';
import { ApiError } from './openai/errors.ts';
import { modelsPath, pathsOf } from './openai/paths.ts';
import { ResponseIds } from './openai/response-ids.ts';
import { type RelayDependencies, relay } from './relay/relay.ts';
import { requestIdOf } from './request-id.ts';

/** What the clients' server works with. */
export interface ServerDependencies {
  access: Access;
  catalog: CatalogSource;
  telemetry: RequestTelemetry;
  relaying: RelayDependencies;
  /** Milliseconds of the telemetry's clock. */
  nowMs: () => number;
  bodyLimitBytes: number;
  /** For a whole request to arrive. */
  requestTimeoutMs: number;
  corsOrigins: AllowedOrigins;
  /** While true, answers ask clients to open new connections, which go to other routers. */
  isDraining: () => boolean;
  /** Told of errors that nobody foresaw. */
  log: { error(fields: object, message: string): void };
}

/** Longer than load balancers keep a connection idle, so that they close it and not we. */
const keepAliveTimeoutMs = 75_000;
/** Longer URLs are refused; names of models and ids of responses need far less. */
const longestUrl = 8 * 1024;
/** Larger bodies are read of those alone who may send them. */
const strangersBytes = 1024 * 1024;

/**
 * Makes the server that clients talk to. A request goes: arrival → endpoint → key → model → feature →
 * limits → replica → relay → telemetry; what is refused on the way is answered in OpenAI's shape.
 */
export function createServer(dependencies: ServerDependencies): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: dependencies.bodyLimitBytes,
    keepAliveTimeout: keepAliveTimeoutMs,
    requestTimeout: dependencies.requestTimeoutMs,
    forceCloseConnections: false,
    return503OnClosing: false,
    routerOptions: { maxParamLength: 1024 },
    // Without a Host node:http would answer by itself, and not in JSON.
    http: {
      maxHeaderSize: 64 * 1024,
      requireHostHeader: false,
      headersTimeout: Math.min(dependencies.requestTimeoutMs || 60_000, 60_000),
      connectionsCheckingInterval: Math.min(dependencies.requestTimeoutMs || 30_000, 30_000),
    },
    exposeHeadRoutes: false,
    genReqId: (request) => requestIdOf(request.headers['x-request-id']),
    clientErrorHandler: refuseBrokenRequest,
    frameworkErrors: (error, request, reply) => exchangeOf(request, reply).refuse(error),
  });
  const answering: Answering = { ...dependencies, responseIds: new ResponseIds() };

  acceptAnyBody(app);
  noteArrival(app, dependencies.nowMs);
  refuseUnfit(app, exchangeOf);
  refuseStrangersUploads(app, dependencies.access, exchangeOf);
  answerExpectations(app, dependencies.bodyLimitBytes);
  for (const endpoint of modelEndpoints) {
    const answer = (request: FastifyRequest, reply: FastifyReply) => {
      const exchange = exchangeOf(request, reply);
      const relayed = exchange.prepareRelay(endpoint);
      if (!relayed) return reply;
      reply.hijack();
      relay(dependencies.relaying, relayed);
      return reply;
    };
    const { method, path, also } = endpoint;
    for (const url of [path, ...(also ? [also] : [])].flatMap(pathsOf)) {
      app.route({ method, url: url.replace('{id}', ':id'), handler: answer });
    }
  }
  for (const path of pathsOf(modelsPath)) {
    const method = ['GET', 'HEAD'];
    app.route({ method, url: path, handler: (q, r) => exchangeOf(q, r).listModels() });
    app.route({ method, url: `${path}/*`, handler: (q, r) => exchangeOf(q, r).showModel() });
  }
  app.setNotFoundHandler((request, reply) => exchangeOf(request, reply).nothingHere());
  app.setErrorHandler((error, request, reply) => exchangeOf(request, reply).refuse(error));
  return app;

  function exchangeOf(request: FastifyRequest, reply: FastifyReply): Exchange {
    return new Exchange(answering, request, reply);
  }
}

declare module 'fastify' {
  interface FastifyRequest {
    /** When the request's head was there, in milliseconds of the telemetry's clock. */
    arrivedMs: number;
  }
}

/** Bodies stay as they came: one Buffer, whatever the content type says. */
function acceptAnyBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
}

/** Refuses by the head alone what no endpoint takes: a URL too long, or HTTP/1.1 without a Host. */
function refuseUnfit(
  app: FastifyInstance,
  exchangeOf: (request: FastifyRequest, reply: FastifyReply) => Exchange,
): void {
  app.addHook('onRequest', (request, reply, done) => {
    const { url = '', headers, httpVersion } = request.raw;
    if (url.length > longestUrl) {
      const message = `The URL is longer than ${longestUrl / 1024} KiB.`;
      exchangeOf(request, reply).refuse(new ApiError('url_too_long', message));
    } else if (headers.host === undefined && httpVersion !== '1.0') {
      const message = 'The request has no Host header.';
      exchangeOf(request, reply).refuse(new ApiError('invalid_request', message));
    } else done();
  });
}

/**
 * Refuses a large body before it is read when its key is not good. Small ones are read first: an answer
 * that overtakes its request can get lost with the connection.
 */
function refuseStrangersUploads(
  app: FastifyInstance,
  access: Access,
  exchangeOf: (request: FastifyRequest, reply: FastifyReply) => Exchange,
): void {
  app.addHook('onRequest', (request, reply, done) => {
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
    if (encoding === undefined && Number(length ?? 0) <= strangersBytes) return done();
    try {
      access.authenticate(request.headers);
      done();
    } catch (error) {
      exchangeOf(request, reply).refuse(error);
    }
  });
}

/**
 * Answers Expect: 100-continue, unless the body that it announces would be refused anyhow; other
 * expectations are ignored, as RFC 9110 (10.1.1) allows.
 */
function answerExpectations({ server }: FastifyInstance, bodyLimitBytes: number): void {
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    if (Number(request.headers['content-length'] ?? 0) <= bodyLimitBytes) response.writeContinue();
    server.emit('request', request, response);
  });
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response);
  });
}

function noteArrival(app: FastifyInstance, nowMs: () => number): void {
  app.decorateRequest('arrivedMs', 0);
  app.addHook('onRequest', (request, _reply, done) => {
    request.arrivedMs = nowMs();
    done();
  });
}
