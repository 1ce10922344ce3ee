// An engine whose every answer is whole and late: run in a pod, in the place of a real one.
import { createServer } from 'node:http';

const lateMs = 5_000;
const event = (data) => `data: ${JSON.stringify(data)}\n\n`;

createServer((request, response) => {
  if (request.method !== 'POST') return response.end('{}');
  let text = '';
  request.on('data', (chunk) => {
    text += chunk;
  });
  request.on('end', () => {
    const { model, stream, max_tokens: tokens = 1 } = JSON.parse(text);
    const usage = { prompt_tokens: 1, completion_tokens: tokens, total_tokens: tokens + 1 };
    const chunk = (delta, finish_reason) => ({
      ...{ id: 'late', object: 'chat.completion.chunk', created: 0, model },
      choices: [{ index: 0, delta, finish_reason }],
    });
    response.writeHead(stream ? 200 : 501, { 'content-type': 'text/event-stream' });
    if (!stream) return response.end();
    setTimeout(() => {
      for (let count = 0; count < tokens; count++)
        response.write(event(chunk({ content: 'late ' }, null)));
      response.write(event(chunk({}, 'length')));
      response.write(event({ ...chunk({}, null), choices: [], usage }));
      response.end('data: [DONE]\n\n');
    }, lateMs);
  });
}).listen(8000);

// The first process of a container has to end by itself.
process.once('SIGTERM', () => process.exit());
