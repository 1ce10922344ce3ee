import { type FastifyInstance, fastify } from 'fastify';
import { type Scraped, scrape } from '../telemetry/exposition.ts';

/**
 * Makes the server for the kubelet and for Prometheus, on a port that clients do not reach:
 * `/healthz` (the process answers), `/readyz` (it should get requests), `/metrics`.
 */
export function createInternalServer(
  options: Scraped & { isReady: () => boolean },
): FastifyInstance {
  const app = fastify({ logger: false, forceCloseConnections: true });
  app.get('/healthz', (_request, reply) => reply.type('text/plain').send('ok\n'));
  app.get('/readyz', (_request, reply) => {
    const ready = options.isReady();
    return reply
      .code(ready ? 200 : 503)
      .type('text/plain')
      .send(ready ? 'ok\n' : 'not ready\n');
  });
  app.get('/metrics', async (request, reply) => {
    const { contentType, body } = await scrape(options, request.headers.accept);
    return reply.type(contentType).send(body);
  });
  return app;
}
