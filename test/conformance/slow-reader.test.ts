import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import { openRaw, parseAnswer, post } from '../../router/testing/raw-client.ts';
import { startTestRouter, type TestRouter } from '../../router/testing/test-router.ts';
import { startLlamaServer } from '../support/engines/llama-server.ts';
import type { EngineProcess } from '../support/engines/process.ts';
import { serve } from './upstreams.ts';

const model = 'local/skiff';
const tokens = 12_000;
const megabyte = 1024 * 1024;
let engine: EngineProcess;
let router: TestRouter;

beforeAll(async () => {
  engine = await startLlamaServer([
    ...['--alias', model, '--parallel', '1', '--context-shift', '--threads', '1', '--slots'],
  ]);
  router = await startTestRouter();
  await serve(router, [{ name: model, engine, features: ['Chat'], type: 'LlamaCpp' }]);
});
afterAll(async () => {
  await router?.stop();
  await engine?.stop();
});

test('a client that stops reading makes the router hold little, and gets all when it reads on', async () => {
  const body = JSON.stringify({
    model,
    messages: [{ role: 'user', content: 'Tell me a story.' }],
    stream: true,
    ignore_eos: true,
    max_tokens: tokens,
    // Each event is some 2 KB, so that the stream is more than sockets hold.
    logprobs: true,
    top_logprobs: 20,
  });
  const client = openRaw(router.address, post('/v1/chat/completions', body));
  await client.received(/data: /);
  client.socket.pause();
  const held = heldBytes();
  await eventually(
    'llama-server has made the whole answer',
    async () => {
      const slots = (await (await fetch(`${engine.url}/slots`)).json()) as {
        is_processing: boolean;
      }[];
      return slots.every((slot) => !slot.is_processing);
    },
    120_000,
  );
  const grownBytes = heldBytes() - held;
  client.socket.resume();
  await eventually('the router has sent all', () => router.inFlight() === 0, 60_000);
  await eventually('the client has all', () => client.text().endsWith('0\r\n\r\n'), 60_000);
  const answer = parseAnswer(client.text());
  expect(answer.complete).toBe(true);
  expect(answer.body).toMatch(/data: \[DONE\]\n\n$/);
  console.log(
    `answer ${(answer.body.length / megabyte).toFixed(1)} MB, held ${(grownBytes / megabyte).toFixed(1)} MB`,
  );
  expect(answer.body.length).toBeGreaterThan(20 * megabyte);
  expect(grownBytes).toBeLessThan(8 * megabyte);
}, 240_000);

/** What buffers hold outside of the heap: the router runs in this process. */
function heldBytes(): number {
  return process.memoryUsage().arrayBuffers;
}
