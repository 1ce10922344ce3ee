import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { type Capability, capabilities } from '../../crds/modeldeployment/capabilities.ts';
import { features } from '../../crds/modeldeployment/features.ts';
import { eventually } from '../../kube/testing/wait.ts';
import { createProber, type Prober, type Subject } from './prober.ts';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of cleanUp.splice(0).reverse()) await one();
});

interface Asked {
  model: string;
  stream?: boolean;
  stream_options?: object;
  tool_choice?: string;
  response_format?: object;
  logprobs?: boolean;
}

const red = '{"color":"red"}';
const stream = (...events: object[]) =>
  [...events.map((event) => JSON.stringify(event)), '[DONE]']
    .map((data) => `data: ${data}\n\n`)
    .join('');
const delta = { choices: [{ delta: { content: 'y' } }] };
const usage = { choices: [], usage: { completion_tokens: 1 } };
const said = (rest: object) => ({ choices: [{ message: { role: 'assistant', ...rest } }] });

/** Which capability a request is about. */
function capabilityOf(path: string, asked: Asked): Capability {
  if (path !== '/v1/chat/completions') return path.slice('/v1/'.length) as Capability;
  if (asked.stream) return asked.stream_options ? 'streamUsage' : 'stream';
  if (asked.tool_choice) return asked.tool_choice === 'required' ? 'requiredTools' : 'tools';
  if (asked.response_format) return 'jsonSchema';
  return asked.logprobs ? 'logprobs' : 'chat';
}

/** What an engine that can do everything answers. */
const good: Readonly<Record<Capability, string | object>> = {
  chat: said({ content: 'yes' }),
  stream: stream(delta),
  streamUsage: stream(delta, usage),
  tools: said({ content: 'yes' }),
  requiredTools: said({ tool_calls: [{ function: { name: 'paint', arguments: red } }] }),
  jsonSchema: said({ content: red }),
  logprobs: { choices: [{ logprobs: { content: [{ logprob: -0.5 }] } }] },
  responses: { output: [{ type: 'message' }] },
  messages: { content: [{ type: 'text', text: 'yes' }] },
  completions: { choices: [{ text: 'three' }] },
  embeddings: { data: [{ embedding: [0.1] }] },
  rerank: { results: [{ index: 0 }] },
  score: { data: [{ score: 0.5 }] },
};

/** An engine of this test's that answers each capability as it is told to; it counts what it is asked. */
async function fakeEngine(
  answers: Partial<Record<Capability, string | object | { status: number }>> = {},
) {
  const asked: Capability[] = [];
  let atOnce = 0;
  let mostAtOnce = 0;
  /** Which question breaks it, and how; it is well again after somebody has asked. */
  const state: { isWell: boolean; breaksAt?: Capability; resets?: boolean } = { isWell: true };
  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    if (request.method === 'GET') {
      response.writeHead(state.isWell ? 200 : 503).end();
      state.isWell = true;
      return;
    }
    mostAtOnce = Math.max(mostAtOnce, ++atOnce);
    let body = '';
    for await (const chunk of request) body += chunk;
    const json = JSON.parse(body) as Asked;
    expect(json.model).toBe('org/skiff');
    const capability = capabilityOf(request.url ?? '', json);
    asked.push(capability);
    const answer = answers[capability] ?? good[capability];
    atOnce--;
    if (capability === state.breaksAt) state.isWell = false;
    if (!state.isWell && state.resets) {
      request.socket.destroy();
      return;
    }
    if (!state.isWell) {
      response.writeHead(500).end();
      return;
    }
    if (typeof answer === 'object' && 'status' in answer)
      response.writeHead(answer.status as number).end('{"error":{"message":"no"}}');
    else if (typeof answer === 'string')
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end(answer);
    else
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { origin, asked, answers, state, mostAtOnce: () => mostAtOnce };
}

function prober(settleMs = 0) {
  const news: string[] = [];
  const clock = { nowMs: 0 };
  const made: Prober = createProber({
    onNews: (key) => news.push(key),
    log: { info() {} },
    nowMs: () => clock.nowMs,
    settleMs,
  });
  cleanUp.push(() => made.stop());
  return { ...made, news, clock };
}

const subject = (rest: Partial<Subject> = {}): Subject => ({
  key: 'models/skiff',
  uid: 'uid',
  revision: 'new',
  known: undefined,
  model: 'org/skiff',
  features,
  healthPath: '/health',
  origins: [],
  ...rest,
});

const names = Object.keys(capabilities) as Capability[];
const all = Object.fromEntries(names.map((name) => [name, true]));

test('an engine that can do everything is asked each thing once, one after another', async () => {
  const engine = await fakeEngine();
  const { look, news } = prober();
  const origins = [engine.origin];
  expect(look(subject({ origins }))).toBeUndefined();
  expect(look(subject({ origins }))).toBeUndefined();
  await eventually('it is tried', () => news.length > 0);
  expect(look(subject({ origins }))).toEqual({ revision: 'new', ...all });
  expect(engine.asked).toEqual(names);
  expect(engine.mostAtOnce()).toBe(1);
});

test('those who waited for the replica come first: it is tried when it has served for a while', async () => {
  const engine = await fakeEngine();
  const { look, news, clock } = prober(50);
  const origins = [engine.origin];
  look(subject());
  clock.nowMs = 1_000;
  look(subject({ origins }));
  await eventually('it is time to look again', () => news.length > 0);
  expect(engine.asked).toEqual([]);
  // A timer that comes a little early by this clock.
  clock.nowMs += 49;
  look(subject({ origins }));
  await eventually('it is tried', () => news.length > 1);
  expect(look(subject())).toEqual({ revision: 'new', ...all });
});

test.each(
  names.flatMap(
    (name) =>
      [
        [name, 'is refused', { status: 400 }],
        [name, 'is not there', { status: 404 }],
        [name, 'fails', { status: 500 }],
        [name, 'is answered with something else', { choices: [], ok: true }],
      ] as const,
  ),
)('%s is missing where it %s', async (name, _how, answer) => {
  const engine = await fakeEngine({ [name]: answer });
  const { look, news } = prober();
  look(subject({ origins: [engine.origin] }));
  await eventually('it is tried', () => news.length > 0);
  expect(look(subject())).toEqual({ revision: 'new', ...all, [name]: false });
});

test.each([
  ['no end', 'stream', `data: ${JSON.stringify(delta)}\n\n`],
  ['no usage', 'streamUsage', stream(delta)],
  ['text where a call was required', 'requiredTools', said({ content: 'I cannot' })],
  ['text where JSON was asked for', 'jsonSchema', said({ content: 'red' })],
] as const)('a 200 with %s is no %s', async (_what, name, answer) => {
  const engine = await fakeEngine({ [name]: answer });
  const { look, news } = prober();
  look(subject({ origins: [engine.origin] }));
  await eventually('it is tried', () => news.length > 0);
  expect(look(subject())).toEqual({ revision: 'new', ...all, [name]: false });
});

test('what the model is not for is not tried', async () => {
  const engine = await fakeEngine();
  const { look, news } = prober();
  const only: Subject['features'] = ['Embeddings', 'Transcription'];
  look(subject({ origins: [engine.origin], features: only }));
  await eventually('it is tried', () => news.length > 0);
  expect(look(subject())).toEqual({ revision: 'new', embeddings: true });
  expect(engine.asked).toEqual(['embeddings']);
});

test('a revision whose status says it is not tried again; the next one is, and until then the old stays', async () => {
  const engine = await fakeEngine({ tools: { status: 400 } });
  const { look, news } = prober();
  const known = { revision: 'old', chat: true };
  const origins = [engine.origin];
  expect(look(subject({ revision: 'old', known, origins }))).toEqual(known);
  expect(look(subject({ known }))).toEqual(known);
  expect(engine.asked).toEqual([]);
  expect(look(subject({ known, origins }))).toEqual(known);
  await eventually('it is tried', () => news.length > 0);
  expect(look(subject({ known }))).toMatchObject({ revision: 'new', tools: false });
});

test('an engine that is too busy or away is asked again later, a few times', async () => {
  const engine = await fakeEngine({ chat: { status: 503 } });
  const { look, clock } = prober();
  const origins = [engine.origin];
  const lookLater = () => {
    clock.nowMs += 3_600_000;
    look(subject({ origins }));
  };
  await eventually('it was asked twice', () => {
    lookLater();
    return engine.asked.length >= 2;
  });
  delete engine.answers.chat;
  await eventually('it is tried in the end', () => {
    lookLater();
    return look(subject()) !== undefined;
  });
  expect(look(subject())).toMatchObject({ revision: 'new', ...all });
});

test.each([
  ['answers no more after', false, 1],
  ['goes away from, twice,', true, 2],
])(
  'what an engine %s is what breaks it; the rest is tried when it is well',
  async (_how, resets, times) => {
    const engine = await fakeEngine();
    Object.assign(engine.state, { breaksAt: 'logprobs', resets });
    const { look, clock } = prober();
    const origins = [engine.origin];
    const found = await eventually('it is tried in the end', () => {
      clock.nowMs += 3_600_000;
      return look(subject({ origins }));
    });
    expect(found).toEqual({ revision: 'new', ...all, logprobs: false });
    expect(engine.asked.filter((one) => one === 'logprobs')).toHaveLength(times);
  },
);
