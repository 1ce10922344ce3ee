import { createServer, type Server } from 'node:http';

/** Of a loader's container: answers how far it is to whoever asks. */
export const progressPort = 8099;

/**
 * Answers every request with the present progress as JSON. Where the port is taken nobody is told: the load
 * goes on all the same.
 * @param port 0: any free one
 */
export function serveProgress(progress: () => object, port = progressPort): Server {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(progress()));
  });
  // Whoever asks keeps the connection open, and the process must end all the same.
  server.on('connection', (socket) => socket.unref());
  server.on('error', () => {});
  server.listen(port);
  server.unref();
  return server;
}
