import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../kube/testing/wait.ts';
import { startTracing, type Tracing } from '../telemetry/tracing.ts';
import { openRaw, post } from './testing/raw-client.ts';
import {
  beginStream,
  chunk,
  type ScriptedUpstream,
  sendJson,
  startUpstream,
} from './testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from './testing/test-router.ts';

/** A span of an OTLP/JSON export, its attributes as a plain object. */
interface ReceivedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  status: { code?: number };
  endTimeUnixNano: string;
  attributes: Record<string, unknown>;
}

const server = 2;
const client = 3;
const spans: ReceivedSpan[] = [];
const exports: string[] = [];
const collector = createServer(async (request, response) => {
  let body = '';
  for await (const part of request) body += part;
  exports.push(body);
  for (const resource of JSON.parse(body).resourceSpans) {
    for (const scope of resource.scopeSpans) {
      expect(scope.schemaUrl).toBe('https://opentelemetry.io/schemas/1.41.0');
      for (const span of scope.spans) spans.push({ ...span, attributes: plain(span.attributes) });
    }
  }
  response.setHeader('content-type', 'application/json').end('{}');
});

interface Attribute {
  key: string;
  value: Record<string, unknown>;
}

function plain(attributes: Attribute[]): Record<string, unknown> {
  const value = (any: Record<string, unknown>): unknown => {
    const [kind, content] = Object.entries(any)[0] ?? [];
    if (kind === 'arrayValue') return (content as { values: (typeof any)[] }).values.map(value);
    return kind === 'intValue' ? Number(content) : content;
  };
  return Object.fromEntries(attributes.map((one) => [one.key, value(one.value)]));
}

let tracing: Tracing;
let router: TestRouter;
let upstream: ScriptedUpstream;
let failing: ScriptedUpstream;
beforeAll(async () => {
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  Object.assign(process.env, {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_TRACES_SAMPLER: 'always_on',
    OTEL_BSP_SCHEDULE_DELAY: '50',
  });
  tracing = await startTracing('fairlead-router', 'test', { info() {}, warn() {} });
  upstream = await startUpstream();
  failing = await startUpstream((request) => request.socket.resetAndDestroy());
  const auth = { mode: 'optional', namespace: 'keys' } as const;
  router = await startTestRouter({ auth }, tracing);
  router.putModel('m');
  router.putPod('m', 'm-0', upstream.port);
  router.putModel('flaky');
  router.putPod('flaky', 'flaky-0', failing.port);
  router.putPod('flaky', 'flaky-1', upstream.port);
  await router.untilReplicas('m', 1);
  await router.untilReplicas('flaky', 2);
});
afterAll(async () => {
  await router?.stop();
  await Promise.all([upstream?.stop(), failing?.stop()]);
  await new Promise((resolve) => collector.close(resolve));
});

const traceId = (index: number) => `4bf92f3577b34da6a3ce929d0e0e4${String(index).padStart(3, '0')}`;
const traceparent = (index: number) => `00-${traceId(index)}-00f067aa0ba902b7-01`;

/** The spans of one trace, the SERVER span among them, parents before children. */
async function traceOf(index: number): Promise<ReceivedSpan[]> {
  const ofTrace = () => spans.filter((span) => span.traceId === traceId(index));
  await eventually('the SERVER span is exported', () => ofTrace().some((s) => s.kind === server));
  const sorted: ReceivedSpan[] = [];
  const add = (parent: string): void => {
    for (const span of ofTrace().filter((one) => one.parentSpanId === parent)) {
      sorted.push(span);
      add(span.spanId);
    }
  };
  add('00f067aa0ba902b7');
  return sorted;
}

const canary = 'canary-7f3a';

test('a stream is one tree, which continues the client’s trace and is continued upstream', async () => {
  let lastByteMs = 0;
  upstream.answer = (request) => {
    beginStream(request);
    const events = [
      { id: 'chatcmpl-1', model: 'skiff-1', choices: [{ delta: { content: canary } }] },
      { id: 'chatcmpl-1', choices: [{ delta: {}, finish_reason: 'stop' }] },
      {
        usage: {
          prompt_tokens: 7,
          completion_tokens: 5,
          prompt_tokens_details: { cached_tokens: 3 },
        },
      },
    ];
    for (const event of events) request.socket.write(chunk(`data: ${JSON.stringify(event)}\n\n`));
    setTimeout(() => {
      lastByteMs = Date.now();
      request.socket.write(Buffer.concat([chunk('data: [DONE]\n\n'), chunk('')]));
    }, 500);
  };
  const answer = await fetch(`${router.address}/v1/chat/completions?key=${canary}`, {
    method: 'POST',
    headers: { traceparent: traceparent(1), authorization: `Bearer ${canary}` },
    body: JSON.stringify({ model: 'm', stream: true, messages: [{ content: canary }] }),
  });
  await answer.text();

  const [http, operation, attempt, ...more] = await traceOf(1);
  expect(more).toEqual([]);
  expect(http).toMatchObject({
    name: 'POST /v1/chat/completions',
    kind: server,
    status: {},
    attributes: {
      'http.request.method': 'POST',
      'http.route': '/v1/chat/completions',
      'url.path': '/v1/chat/completions',
      'http.response.status_code': 200,
      'fairlead.request.id': answer.headers.get('x-request-id'),
    },
  });
  expect(http?.attributes).not.toHaveProperty('gen_ai.request.model');
  expect(operation).toMatchObject({
    name: 'chat m',
    kind: client,
    parentSpanId: http?.spanId,
    attributes: {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'm',
      'gen_ai.request.stream': true,
      'gen_ai.response.id': 'chatcmpl-1',
      'gen_ai.response.model': 'skiff-1',
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.response.time_to_first_chunk': expect.any(Number),
      'gen_ai.usage.input_tokens': 7,
      'gen_ai.usage.output_tokens': 5,
      'gen_ai.usage.cache_read.input_tokens': 3,
      'fairlead.attempts': 1,
      'fairlead.model.namespace': 'default',
      'server.port': upstream.port,
    },
  });
  expect(attempt).toMatchObject({
    name: 'POST',
    kind: client,
    parentSpanId: operation?.spanId,
    attributes: {
      'fairlead.backend.pod': 'm-0',
      'fairlead.backend.revision': 'r1',
      'fairlead.route.policy': 'PrefixAware',
      'fairlead.route.reason': 'only',
      'fairlead.route.candidates': 1,
      'http.response.status_code': 200,
    },
  });
  const { head } = upstream.requests.at(-1) ?? { head: '' };
  expect(head.match(/^traceparent: .*$/gim)).toEqual([
    `traceparent: 00-${traceId(1)}-${attempt?.spanId}-01`,
  ]);
  for (const span of [http, operation, attempt]) {
    // Not at the first byte, which was half a second before the last; the rest is for two clocks that drift.
    expect(Number(span?.endTimeUnixNano) / 1e6).toBeGreaterThan(lastByteMs - 250);
  }
  expect(exports.join()).not.toContain(canary);
  expect(JSON.stringify(router.logged)).not.toContain(canary);
  expect(await router.metrics()).not.toContain(canary);
  expect(router.logged.at(-1)).toMatchObject({ trace_id: traceId(1), input_tokens: 7 });
  expect(await router.metrics('application/openmetrics-text')).toContain(
    `# {trace_id="${traceId(1)}"`,
  );
});

test('each attempt is a span of its own', async () => {
  upstream.answer = (request) => sendJson(request, { ok: true });
  let turns = 100;
  const turn = await eventually('the failing replica was asked first', async () => {
    const index = turns++;
    const before = failing.requests.length;
    await fetch(`${router.address}/v1/completions`, {
      method: 'POST',
      headers: { traceparent: traceparent(index) },
      body: '{"model":"flaky"}',
    });
    return failing.requests.length > before ? index : undefined;
  });
  const [, operation, ...attempts] = await traceOf(turn);
  expect(operation?.attributes).toMatchObject({ 'fairlead.attempts': 2 });
  expect(attempts.map(({ status, attributes }) => ({ status, attributes }))).toEqual([
    {
      status: { code: 2 },
      attributes: expect.objectContaining({
        'fairlead.backend.pod': 'flaky-0',
        'error.type': 'connection_error',
      }),
    },
    {
      status: { code: 0 },
      attributes: expect.objectContaining({
        'fairlead.backend.pod': 'flaky-1',
        'http.request.resend_count': 1,
      }),
    },
  ]);
});

test.each([
  ['an unknown model', 2, '{"model":"nope"}', 404, 'invalid_request', 0],
  ['bad JSON', 3, '{', 400, 'invalid_request', 0],
])('%s: %s', async (_name, index, body, status, errorType, code) => {
  await fetch(`${router.address}/v1/completions`, {
    method: 'POST',
    headers: { traceparent: traceparent(index) },
    body,
  });
  const [http, operation, ...attempts] = await traceOf(index);
  expect(http).toMatchObject({
    status: { code },
    attributes: { 'http.response.status_code': status, 'error.type': errorType },
  });
  expect(operation).toMatchObject({ attributes: { 'error.type': errorType } });
  expect(operation?.attributes).not.toHaveProperty('gen_ai.request.model');
  expect(attempts).toEqual([]);
});

test('a client that goes leaves its spans ended, with client_disconnected', async () => {
  upstream.answer = beginStream;
  const before = upstream.requests.length;
  const gone = openRaw(
    router.address,
    post('/v1/completions', '{"model":"m","stream":true}', [`traceparent: ${traceparent(4)}`]),
  );
  await eventually('the engine has the request', () => upstream.requests.length > before);
  gone.socket.resetAndDestroy();
  const [http, operation, attempt] = await traceOf(4);
  for (const span of [http, operation, attempt]) {
    expect(span?.attributes).toMatchObject({ 'error.type': 'client_disconnected' });
  }
  expect(http?.status.code ?? 0).toBe(0);
});

test('whose request it was and which fallback took it is on the GenAI span, the key nowhere', async () => {
  upstream.answer = (request) => sendJson(request, { ok: true });
  router.putModel('front', { routing: { fallbacks: ['m'] } });
  await router.untilReplicas('front', 0);
  const key = `sk-${canary}-0123456789`;
  router.putKey('team', { key, policy: 'tenant: team-a' });
  const ask = (headers: Record<string, string>) =>
    fetch(`${router.address}/v1/completions`, {
      method: 'POST',
      headers,
      body: '{"model":"front"}',
    });
  await eventually('the key is asked for', async () => (await ask({})).status === 401);
  const headers = { authorization: `Bearer ${key}`, traceparent: traceparent(5) };
  expect((await ask(headers)).status).toBe(200);
  const [, operation] = await traceOf(5);
  expect(operation?.attributes).toMatchObject({
    'gen_ai.request.model': 'front',
    'fairlead.tenant': 'team-a',
    'fairlead.model.fallback': 'm',
  });
  expect(exports.join('')).not.toContain(key);
});
