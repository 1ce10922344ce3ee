// An engine that says it is well and answers nothing: run in a pod, in the place of a real one.
import { createServer } from 'node:http';

createServer((request, response) => {
  request.resume();
  const isAsked = request.method === 'POST';
  response.writeHead(isAsked ? 503 : 200, { 'content-type': 'application/json' });
  response.end(isAsked ? '{"error":{"message":"This engine only fails."}}' : '{}');
}).listen(8000);

// The first process of a container has to end by itself.
process.once('SIGTERM', () => process.exit());
