import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { RequestTelemetry } from '../telemetry/request-telemetry.ts';
import type { Balancer } from './balance/balancer.ts';
import type { CatalogSource } from './catalog/watch.ts';
import { refuseBrokenRequest } from './client-errors.ts';
import { type Answering, Exchange } from './exchange.ts';
import { modelEndpoints, modelsPath, pathsOf } from './openai/endpoints.ts';
import { relay } from './relay/relay.ts';
import type { Upstreams } from './relay/upstreams.ts';
import { requestIdOf } from './request-id.ts';

/** What the clients' server works with. */
export interface ServerDependencies {
  catalog: CatalogSource;
  telemetry: RequestTelemetry;
  upstreams: Upstreams;
  balancer: Balancer;
  /** Milliseconds of the telemetry's clock. */
  nowMs: () => number;
  retries: number;
  bodyLimitBytes: number;
  /** While true, answers ask clients to open new connections, which go to other routers. */
  isDraining: () => boolean;
  /** Told of errors that nobody foresaw. */
  log: { error(fields: object, message: string): void };
}

/** Longer than load balancers keep a connection idle, so that they close it and not we. */
const keepAliveTimeoutMs = 75_000;
/** For the whole request to arrive. */
const requestTimeoutMs = 300_000;

/**
 * Makes the server that clients talk to. A request goes: arrival → endpoint → model → feature → replica
 * → relay → telemetry; what is refused on the way is answered in OpenAI's shape.
 */
export function createServer(dependencies: ServerDependencies): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: dependencies.bodyLimitBytes,
    keepAliveTimeout: keepAliveTimeoutMs,
    requestTimeout: requestTimeoutMs,
    forceCloseConnections: false,
    return503OnClosing: false,
    routerOptions: { maxParamLength: 1024 },
    http: { maxHeaderSize: 64 * 1024 },
    exposeHeadRoutes: false,
    genReqId: (request) => requestIdOf(request.headers['x-request-id']),
    clientErrorHandler: refuseBrokenRequest,
    frameworkErrors: (error, request, reply) => exchangeOf(request, reply).refuse(error),
  });
  const answering: Answering = dependencies;

  acceptAnyBody(app);
  noteArrival(app, dependencies.nowMs);
  for (const endpoint of modelEndpoints) {
    const answer = (request: FastifyRequest, reply: FastifyReply) => {
      const exchange = exchangeOf(request, reply);
      const relayed = exchange.prepareRelay(endpoint);
      if (!relayed) return reply;
      reply.hijack();
      relay({ ...dependencies, refuse: (_, error) => exchange.refuse(error) }, relayed);
      return reply;
    };
    for (const path of pathsOf(endpoint.path)) app.post(path, answer);
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

function noteArrival(app: FastifyInstance, nowMs: () => number): void {
  app.decorateRequest('arrivedMs', 0);
  app.addHook('onRequest', (request, _reply, done) => {
    request.arrivedMs = nowMs();
    done();
  });
}
