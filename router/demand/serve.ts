import type { FastifyInstance } from 'fastify';
import { demandPath } from '../../protocol/demand.ts';
import type { BlockPublisher } from './block-publisher.ts';
import type { DemandPublisher } from './publisher.ts';

/** Adds the demand stream to the internal server. */
export function serveDemand(
  app: FastifyInstance,
  publisher: DemandPublisher,
  blocks: BlockPublisher,
): void {
  app.get<{ Querystring: { blocks?: string } }>(demandPath, (request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200, {
      'content-type': 'application/x-ndjson',
      'cache-control': 'no-store',
    });
    publisher.follow(reply.raw);
    if (request.query.blocks !== undefined) blocks.follow(reply.raw);
  });
}
