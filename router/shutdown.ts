import type { FastifyInstance } from 'fastify';

/** How often connections that have become idle are closed while a server ends. */
const sweepMs = 50;

/**
 * Ends a server: no new connections, idle ones closed, open answers finished; what is still open after
 * `capMs` is cut off.
 * @returns whether everything was finished
 */
export async function drainServer(app: FastifyInstance, capMs: number): Promise<boolean> {
  const { server } = app;
  const sweep = setInterval(() => server.closeIdleConnections(), sweepMs);
  let finished = true;
  const cut = setTimeout(() => {
    finished = false;
    server.closeAllConnections();
  }, capMs);
  await app.close();
  clearInterval(sweep);
  clearTimeout(cut);
  return finished;
}
