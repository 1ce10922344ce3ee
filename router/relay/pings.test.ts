import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import { modelEndpoints } from '../openai/endpoints.ts';
import { openRaw, parseAnswer, type RawClient } from '../testing/raw-client.ts';
import { Answer } from './answer.ts';
import { ClientReply } from './client-reply.ts';
import type { Deadlines } from './deadlines.ts';
import type { RelayRequest } from './request.ts';
import { replyHead } from './response-headers.ts';

let server: Server;
let client: RawClient;
let response: ServerResponse;
/** What happens when the silence has lasted long enough. */
let silenceOver: (() => void) | undefined;
let heard: number;

const deadlines = {
  silence: (_afterMs: number, act: () => void) => {
    silenceOver = act;
    return { cancel: () => (silenceOver = undefined), heard: () => heard++ };
  },
} as unknown as Deadlines;

beforeEach(async () => {
  heard = 0;
  silenceOver = undefined;
  const responses: ServerResponse[] = [];
  server = createServer((_request, made) => void responses.push(made));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  client = openRaw(`http://127.0.0.1:${port}`, 'GET / HTTP/1.1\r\nHost: r\r\n\r\n');
  response = await eventually('the request has come', () => responses[0]);
});
afterEach(async () => {
  client.socket.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function begin(contentType: string): Answer {
  const request = {
    endpoint: modelEndpoints[0],
    requestId: 'r',
    record: { data() {}, lastBytes: () => 'data: [DONE]\n\n' },
  } as unknown as RelayRequest;
  const head = replyHead(200, ['Content-Type', contentType], []);
  const options = { deadlines, replicaId: 'a', withoutUsage: false };
  return new Answer(request, new ClientReply(response), head, options);
}

/** Lets the silence be over once more; there must be somebody who waits for that. */
function stayQuiet(): void {
  if (!silenceOver) throw new Error('nobody waits for silence');
  silenceOver();
}

const bodyOf = () => parseAnswer(client.text()).body;
const send = (answer: Answer, text: string) => answer.data(Buffer.from(text), () => {});

test('a silent stream gets a comment for each silence, before and between its events', async () => {
  const answer = begin('text/event-stream');
  stayQuiet();
  stayQuiet();
  send(answer, 'data: 1\n\n');
  expect(heard).toBe(1);
  stayQuiet();
  send(answer, 'data: 2\r\n\r\n');
  stayQuiet();
  send(answer, 'data: [DONE]\n\n');
  expect(answer.end()).toBe(true);
  expect(silenceOver).toBeUndefined();
  await client.received(/\r\n0\r\n\r\n$/);
  expect(bodyOf()).toBe(
    ': ping\n\n: ping\n\ndata: 1\n\n: ping\n\ndata: 2\r\n\r\n: ping\n\ndata: [DONE]\n\n',
  );
});

test('nothing is put inside of an event', async () => {
  const answer = begin('text/event-stream');
  for (const part of ['da', 'ta: 1\n', 'data: 2\n']) {
    send(answer, part);
    stayQuiet();
  }
  send(answer, '\n');
  stayQuiet();
  send(answer, 'data: [DONE]\n\n');
  answer.end();
  await client.received(/\r\n0\r\n\r\n$/);
  expect(bodyOf()).toBe('data: 1\ndata: 2\n\n: ping\n\ndata: [DONE]\n\n');
});

test('what is no stream of events gets no comments', () => {
  begin('application/json');
  expect(silenceOver).toBeUndefined();
});
