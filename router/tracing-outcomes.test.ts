import { afterAll, beforeAll, expect, test } from 'vitest';
import { spans as contract, type SpanDefinition } from '../telemetry/contract/spans.ts';
import { openRaw, post } from './testing/raw-client.ts';
import {
  beginStream,
  chunk,
  type ScriptedUpstream,
  sendJson,
  startUpstream,
  type UpstreamRequest,
} from './testing/scripted-upstream.ts';
import { startTracedRouter, type TracedRouter } from './testing/traced-router.ts';

/** What a request came to, as every signal must tell it. */
interface Told {
  /** Sent to the client; 0: none. */
  status: number;
  outcome: string;
  errorType?: string;
  /** `error.type` of the SERVER span, where it is not the others': a 4xx is no error of the server's. */
  serverErrorType?: string | null;
  /** Whether the SERVER span has the status ERROR. */
  serverFailed: boolean;
  /** `error.type` of each attempt's span, null for a good one. */
  attempts: (string | null)[];
  /** Of the admission span; absent: there is none. */
  queue?: string;
}

interface Case extends Told {
  name: string;
  model: string;
  answer?: (request: UpstreamRequest) => void;
  body?: object | string;
  /** The client leaves once the engine has the request. */
  leaves?: true;
}

const ok = (request: UpstreamRequest) => sendJson(request, { ok: true });
const status = (code: number) => (request: UpstreamRequest) =>
  sendJson(request, { error: { message: 'no', type: 't', param: null, code: null } }, code);
const reset = ({ socket }: UpstreamRequest) => void socket.resetAndDestroy();
const cutOff = (request: UpstreamRequest) => {
  beginStream(request);
  request.socket.write(chunk('data: {"choices":[{"delta":{"content":"a"}}]}\n\n'), () =>
    request.socket.destroy(),
  );
};
/** The first of two attempts meets `first`, the second is answered. */
const once = (first: (request: UpstreamRequest) => void) => {
  let isFirst = true;
  return (request: UpstreamRequest) => {
    (isFirst ? first : ok)(request);
    isFirst = false;
  };
};

const fine = { outcome: 'ok', serverFailed: false } as const;
const failed = { outcome: 'server_error', serverFailed: true } as const;
const refused = { outcome: 'client_error', serverFailed: false } as const;
const cases: Case[] = [
  { name: 'good', model: 'm', answer: ok, ...fine, status: 200, attempts: [null] },
  {
    ...{ name: 'retried after a reset', model: 'two', answer: once(reset), ...fine, status: 200 },
    attempts: ['connection_error', null],
  },
  {
    ...{ name: 'retried after a 503', model: 'two', answer: once(status(503)), ...fine },
    ...{ status: 200, attempts: ['503', null] },
  },
  {
    ...{ name: 'the engine’s 400', model: 'm', answer: status(400), ...refused, status: 400 },
    ...{ errorType: '400', serverErrorType: null, attempts: ['400'] },
  },
  {
    ...{ name: 'the engine’s 500', model: 'm', answer: status(500), ...failed, status: 500 },
    ...{ errorType: '500', attempts: ['500'] },
  },
  {
    ...{ name: 'the only replica broke', model: 'alone', answer: reset, ...failed, status: 502 },
    ...{ errorType: 'connection_error', attempts: ['connection_error'] },
  },
  {
    ...{ name: 'a stream cut off', model: 'm', answer: cutOff, body: { stream: true } },
    ...{ ...failed, status: 200, errorType: 'stream_truncated', attempts: ['stream_truncated'] },
  },
  {
    ...{ name: 'no first byte in time', model: 'hasty', answer: () => {}, outcome: 'timeout' },
    ...{ status: 504, errorType: 'timeout_headers', serverFailed: true },
    attempts: ['timeout_headers'],
  },
  {
    ...{ name: 'the client left', model: 'm', answer: beginStream, body: { stream: true } },
    ...{ leaves: true, status: 200, outcome: 'cancelled', errorType: 'client_disconnected' },
    ...{ serverFailed: false, attempts: ['client_disconnected'] },
  },
  {
    ...{ name: 'an unknown model', model: 'nope', ...refused, status: 404 },
    ...{ errorType: 'invalid_request', attempts: [] },
  },
  {
    ...{ name: 'bad JSON', model: 'm', body: '{', ...refused, status: 400 },
    ...{ errorType: 'invalid_request', attempts: [] },
  },
  {
    ...{ name: 'no replica wanted', model: 'none', outcome: 'rejected', status: 503 },
    ...{ errorType: 'no_backend', serverFailed: true, attempts: [] },
  },
  {
    ...{ name: 'waited in vain', model: 'asleep', outcome: 'timeout', status: 503 },
    ...{ errorType: 'queue_timeout', serverFailed: true, attempts: [], queue: 'timeout' },
  },
];

let traced: TracedRouter;
let upstreams: ScriptedUpstream[];
beforeAll(async () => {
  traced = await startTracedRouter();
  const { router } = traced;
  upstreams = await Promise.all([startUpstream(), startUpstream()]);
  router.putModel('m');
  router.putPod('m', 'm-0', upstreams[0]!.port);
  router.putModel('two');
  router.putPod('two', 'two-0', upstreams[0]!.port);
  router.putPod('two', 'two-1', upstreams[1]!.port);
  router.putModel('alone');
  router.putPod('alone', 'alone-0', upstreams[0]!.port);
  router.putModel('hasty', { routing: { timeouts: { firstByte: '1s' }, retries: 0 } });
  router.putPod('hasty', 'hasty-0', upstreams[0]!.port);
  router.putModel('none', { replicas: 0, hold: { timeout: '0s' } });
  router.putModel('asleep', { replicas: 0, hold: { timeout: '1s' } });
  for (const [model, ready] of [
    ['m', 1],
    ['alone', 1],
    ['two', 2],
    ['hasty', 1],
    ['none', 0],
    ['asleep', 0],
  ] as const) {
    await router.untilReplicas(model, ready);
  }
});
afterAll(async () => {
  await traced?.stop();
  await Promise.all((upstreams ?? []).map((one) => one.stop()));
});

/** Replicas that failed in one case must not be left out in the next. */
async function requestsWith(outcome: string, code: number): Promise<number> {
  const counted = new RegExp(
    `^fairlead_requests_total\\{.*code="${code}",outcome="${outcome}"\\} (\\d+)$`,
    'gm',
  );
  const text = await traced.router.metrics();
  return [...text.matchAll(counted)].reduce((sum, [, count]) => sum + Number(count), 0);
}

test.each(cases)('$name: spans, metric and log agree', async (one) => {
  const { router } = traced;
  for (const upstream of upstreams) upstream.answer = one.answer ?? ok;
  const { traceparent, spans } = traced.newTrace();
  const before = await requestsWith(one.outcome, one.status);
  const logged = router.logged.length;
  const body =
    typeof one.body === 'string' ? one.body : JSON.stringify({ model: one.model, ...one.body });
  const client = openRaw(
    router.address,
    post('/v1/chat/completions', body, [`traceparent: ${traceparent}`, 'connection: close']),
  );
  if (one.leaves) {
    await client.received(/200 OK/);
    client.socket.resetAndDestroy();
  }

  const all = await spans();
  const [server] = all.filter(({ kind }) => kind === 2);
  const admissions = all.filter(({ name }) => name === 'fairlead.admission');
  const [operation] = all.filter(({ name }) => name.startsWith('chat'));
  const attempts = all.filter(({ name }) => name === 'POST');
  const errorTypeOf = (span: (typeof all)[number] | undefined) =>
    span?.attributes['error.type'] ?? null;
  const { errorType = null } = one;
  expect(server?.attributes['http.response.status_code']).toBe(one.status);
  expect(errorTypeOf(server)).toBe(one.serverErrorType === undefined ? errorType : null);
  expect(server?.status.code ?? 0).toBe(one.serverFailed ? 2 : 0);
  expect(errorTypeOf(operation)).toBe(errorType);
  expect(operation?.status.code ?? 0).toBe(errorType === null ? 0 : 2);
  expect(attempts.map(errorTypeOf)).toEqual(one.attempts);
  expect(attempts.map(({ attributes }) => attributes['http.request.resend_count'] ?? 0)).toEqual(
    one.attempts.map((_, at) => at),
  );
  expect(operation?.attributes['fairlead.attempts']).toBe(one.attempts.length);
  expect(admissions.map(({ attributes }) => attributes['fairlead.queue.outcome'])).toEqual(
    one.queue === undefined ? [] : [one.queue],
  );
  expect(router.logged.slice(logged)).toEqual([
    expect.objectContaining({
      trace_id: server?.traceId,
      span_id: server?.spanId,
      status: one.status,
      outcome: one.outcome,
      error_type: one.errorType,
    }),
  ]);
  expect(await requestsWith(one.outcome, one.status)).toBe(before + 1);
});

test('all these spans have what the contract requires, and nothing that it does not know', () => {
  const types = {
    ...{ string: 'string', int: 'number', double: 'number', boolean: 'boolean' },
    'string[]': 'object',
  };
  const definitionOf = (name: string, kind: number): SpanDefinition => {
    if (kind === 2) return contract.server;
    if (name === 'fairlead.admission') return contract.admission;
    return name === 'POST' ? contract.attempt : contract.operation;
  };
  expect(traced.collector.spans.length).toBeGreaterThan(cases.length * 2);
  for (const { name, kind, attributes } of traced.collector.spans) {
    const known = definitionOf(name, kind).attributes;
    for (const [key, value] of Object.entries(attributes)) {
      expect(known).toHaveProperty([key]);
      const type = known[key]?.type ?? 'string';
      expect([key, typeof value]).toEqual([key, types[type]]);
      if (type === 'int') expect(Number.isInteger(value)).toBe(true);
    }
    for (const [key, { level }] of Object.entries(known)) {
      if (level === 'required') expect(attributes).toHaveProperty([key]);
    }
  }
});
