import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../kube/testing/wait.ts';
import {
  beginStream,
  chunk,
  type ScriptedUpstream,
  sendJson,
  startUpstream,
} from './testing/scripted-upstream.ts';
import type { TestRouter } from './testing/test-router.ts';
import { clientSpanId, startTracedRouter, type TracedRouter } from './testing/traced-router.ts';

const server = 2;
const client = 3;
let traced: TracedRouter;
let router: TestRouter;
let upstream: ScriptedUpstream;
let failing: ScriptedUpstream;
beforeAll(async () => {
  const auth = { mode: 'optional', namespace: 'keys' } as const;
  const env = { OTEL_RESOURCE_ATTRIBUTES: 'k8s.pod.name=router-0,service.namespace=fairlead' };
  traced = await startTracedRouter({ auth }, { env });
  router = traced.router;
  upstream = await startUpstream();
  failing = await startUpstream((request) => request.socket.resetAndDestroy());
  router.putModel('m');
  router.putPod('m', 'm-0', upstream.port);
  router.putModel('flaky');
  router.putPod('flaky', 'flaky-0', failing.port);
  router.putPod('flaky', 'flaky-1', upstream.port);
  await router.untilReplicas('m', 1);
  await router.untilReplicas('flaky', 2);
});
afterAll(async () => {
  await traced?.stop();
  await Promise.all([upstream?.stop(), failing?.stop()]);
});

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
  const trace = traced.newTrace();
  const messages = [{ role: 'user', content: canary }];
  const answer = await fetch(`${router.address}/v1/chat/completions?key=${canary}`, {
    method: 'POST',
    headers: { traceparent: trace.traceparent, authorization: `Bearer ${canary}` },
    body: JSON.stringify({ model: 'm', stream: true, temperature: 0.5, messages }),
  });
  await answer.text();

  const [http, operation, attempt, ...more] = await trace.spans();
  expect(more).toEqual([]);
  expect(http).toMatchObject({
    name: 'POST /v1/chat/completions',
    kind: server,
    parentSpanId: clientSpanId,
    status: {},
    schemaUrl: 'https://opentelemetry.io/schemas/1.41.0',
    resource: {
      'service.name': 'fairlead-router',
      'service.version': 'test',
      'service.namespace': 'fairlead',
      'service.instance.id': expect.any(String),
      'k8s.pod.name': 'router-0',
    },
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
      'gen_ai.request.temperature': 0.5,
      'openai.api.type': 'chat_completions',
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
      'fairlead.backend.runtime': 'llamacpp',
      'fairlead.backend.revision': 'r1',
      'fairlead.route.policy': 'PrefixAware',
      'fairlead.route.reason': 'only',
      'fairlead.route.candidates': 1,
      'http.response.status_code': 200,
    },
  });
  const { head } = upstream.requests.at(-1) ?? { head: '' };
  expect(head.match(/^traceparent: .*$/gim)).toEqual([
    `traceparent: 00-${trace.id}-${attempt?.spanId}-01`,
  ]);
  for (const span of [http, operation, attempt]) {
    // Not at the first byte, which was half a second before the last; the rest is for two clocks that drift.
    expect(Number(span?.endTimeUnixNano) / 1e6).toBeGreaterThan(lastByteMs - 250);
  }
  expect(traced.collector.bodies.join()).not.toContain(canary);
  expect(JSON.stringify(router.logged)).not.toContain(canary);
  expect(await router.metrics()).not.toContain(canary);
  expect(router.logged.at(-1)).toMatchObject({ trace_id: trace.id, input_tokens: 7 });
  expect(await router.metrics('application/openmetrics-text')).toContain(
    `# {trace_id="${trace.id}"`,
  );
});

test('each attempt is a span of its own', async () => {
  upstream.answer = (request) => sendJson(request, { ok: true });
  const retried = await eventually('the failing replica was asked first', async () => {
    const trace = traced.newTrace();
    const before = failing.requests.length;
    await fetch(`${router.address}/v1/completions`, {
      method: 'POST',
      headers: { traceparent: trace.traceparent },
      body: '{"model":"flaky"}',
    });
    return failing.requests.length > before ? trace : undefined;
  });
  const [, operation, ...attempts] = await retried.spans();
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

test('a plain request is the same tree, without what only streams have', async () => {
  upstream.answer = (request) => sendJson(request, { id: 'cmpl-1', choices: [{ text: 'x' }] });
  const trace = traced.newTrace();
  await fetch(`${router.address}/v1/completions`, {
    method: 'POST',
    headers: { traceparent: trace.traceparent },
    body: '{"model":"m","prompt":"x"}',
  });
  const all = await trace.spans();
  expect(all.map(({ name, kind }) => [name, kind])).toEqual([
    ['POST /v1/completions', server],
    ['text_completion m', client],
    ['POST', client],
  ]);
  for (const key of ['gen_ai.request.stream', 'gen_ai.response.time_to_first_chunk']) {
    expect(all[1]?.attributes).not.toHaveProperty(key);
  }
  expect(upstream.requests.at(-1)?.head).toContain(`${trace.id}-${all[2]?.spanId}-01`);
});

test('a wait for a replica is a span of its own, before the operation’s attempts', async () => {
  router.putModel('late');
  await router.untilReplicas('late', 0);
  upstream.answer = (request) => sendJson(request, { ok: true });
  const trace = traced.newTrace();
  const answer = fetch(`${router.address}/v1/completions`, {
    method: 'POST',
    headers: { traceparent: trace.traceparent },
    body: '{"model":"late"}',
  });
  const depth = 'fairlead_queue_depth{gen_ai_request_model="late"}';
  await eventually('it waits', async () => (await router.metrics()).includes(`${depth} 1\n`));
  router.putPod('late', 'late-0', upstream.port);
  expect((await answer).status).toBe(200);
  const all = await trace.spans();
  const [http, admission] = [all[0], all.find(({ name }) => name === 'fairlead.admission')];
  const operation = all.find(({ name }) => name === 'text_completion late');
  expect(all).toHaveLength(4);
  expect(admission).toMatchObject({
    kind: 1,
    parentSpanId: http?.spanId,
    attributes: { 'fairlead.queue.outcome': 'dispatched' },
  });
  const waitS =
    Number(BigInt(admission!.endTimeUnixNano) - BigInt(admission!.startTimeUnixNano)) / 1e9;
  expect(operation?.attributes['fairlead.queue_wait']).toBeCloseTo(waitS, 2);
  expect(router.logged.at(-1)?.queue_ms).toBeCloseTo(waitS * 1000, 0);
  const metrics = await router.metrics();
  expect(metrics).toContain(`${depth} 0\n`);
  expect(metrics).toContain(
    'fairlead_queue_wait_seconds_count{gen_ai_request_model="late",outcome="dispatched"} 1\n',
  );
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
  const trace = traced.newTrace();
  const headers = { authorization: `Bearer ${key}`, traceparent: trace.traceparent };
  expect((await ask(headers)).status).toBe(200);
  const [, operation] = await trace.spans();
  expect(operation?.attributes).toMatchObject({
    'gen_ai.request.model': 'front',
    'fairlead.tenant': 'team-a',
    'fairlead.model.fallback': 'm',
  });
  expect(traced.collector.bodies.join()).not.toContain(key);
});

test('what the kubelet and Prometheus ask is not traced', async () => {
  upstream.answer = (request) => sendJson(request, { ok: true });
  for (const path of ['/healthz', '/readyz', '/metrics']) {
    expect((await fetch(`${router.internalAddress}${path}`)).status).toBe(200);
  }
  // A span of theirs would have been exported before this one.
  const trace = traced.newTrace();
  await fetch(`${router.address}/v1/models`, { headers: { traceparent: trace.traceparent } });
  await trace.spans();
  const paths = traced.collector.spans.map(({ attributes }) => attributes['url.path']);
  expect(paths).toContain('/v1/models');
  expect(paths.join()).not.toMatch(/healthz|readyz|metrics/);
});
