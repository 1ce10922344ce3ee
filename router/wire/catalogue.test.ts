import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import { type ErrorName, errorKinds } from '../openai/errors.ts';
import { closedPort, startBlackHole } from '../testing/faulty-replicas.ts';
import { openRaw, parseAnswer, post } from '../testing/raw-client.ts';
import {
  beginStream,
  chunk,
  type ScriptedUpstream,
  startUpstream,
  type UpstreamRequest,
} from '../testing/scripted-upstream.ts';
import { type ModelSpec, startTestRouter, type TestRouter } from '../testing/test-router.ts';

// Waits have deadlines of their own; a busy machine may need longer than the default.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const admin = 'sk-admin-0123456789';
const bearer = (key: string) => `Authorization: Bearer ${key}`;
const chat = '/v1/chat/completions';

let upstream: ScriptedUpstream;
let router: TestRouter;
/** What the engine does with a request that gets there. */
let engine: (request: UpstreamRequest) => void;

beforeAll(async () => {
  upstream = await startUpstream((request) => engine(request));
  router = await startTestRouter({
    auth: { mode: 'required', namespace: 'keys' },
    bodyLimitBytes: 10_000,
  });
  router.putKey('admin', { key: admin });
  await eventually('the key is in force', async () => (await list(admin)) === 200);
  await model('m');
  await model('asleep', { port: 0, hold: { timeout: '0s' } });
});
afterAll(async () => {
  await router?.stop();
  await upstream?.stop();
});

async function list(key: string): Promise<number> {
  const headers = { authorization: `Bearer ${key}` };
  return (await fetch(`${router.address}/v1/models`, { headers })).status;
}

/** Puts a model with one replica at this port; 0: without any. */
async function model(
  name: string,
  { port = upstream.port, ...spec }: ModelSpec & { port?: number } = {},
): Promise<string> {
  router.putModel(name, spec);
  if (port > 0) router.putPod(name, `${name}-0`, port);
  await router.untilReplicas(name, port > 0 ? 1 : 0, admin);
  return name;
}

interface Refusal {
  status: number;
  headers: string[];
  error: Record<string, unknown>;
}

/** Sends bytes and reads the error of the answer: its body, or the last event of its stream. */
async function refusalOf(bytes: string | Buffer, { address } = router): Promise<Refusal> {
  const client = openRaw(address, bytes);
  const text = await client.received(/^HTTP.*"error":.*\}\}(?:\n\n\r\n|$)/s);
  const { statusLine, headers, body } = parseAnswer(text);
  client.socket.destroy();
  const { error } = JSON.parse(body.trim().split('data: ').at(-1) ?? '');
  return { status: Number(statusLine.split(' ')[1]), headers, error };
}

const ask = (body: string, headers: readonly string[] = [], path = chat) =>
  refusalOf(post(path, body, [bearer(admin), ...headers]));
const askModel = (name: string, more = '') => ask(`{"model":"${name}"${more}}`);
const head = (line: string, ...headers: string[]) =>
  refusalOf(`${[line, 'Host: r', bearer(admin), ...headers].join('\r\n')}\r\n\r\n`);

/** A key with this policy, once it is in force. */
async function keyWith(policy: string): Promise<string> {
  const key = `sk-limited-${policy.replaceAll(/\W/g, '')}`;
  router.putKey(policy.replaceAll(/\W/g, '').toLowerCase(), { key, policy });
  await eventually('the key is in force', async () => (await list(key)) === 200);
  return key;
}

/** How each error is met. The compiler asks for a new one with each row of the catalogue. */
const provocations: Record<ErrorName, () => Promise<Refusal>> = {
  invalid_json: () => ask('{"model":'),
  invalid_multipart: () =>
    head(
      'POST /v1/audio/transcriptions HTTP/1.1',
      'Content-Type: multipart/form-data; boundary=b',
      'Content-Length: 0',
    ),
  model_required: () => ask('{}'),
  feature_not_supported: () => ask('{"model":"m"}', [], '/v1/embeddings'),
  invalid_request: () => refusalOf('hello\r\n\r\n'),
  invalid_api_key: () => refusalOf(post(chat, '{"model":"m"}', [bearer('sk-wrong')])),
  model_not_allowed: async () => {
    const key = await keyWith('models: [other]');
    return refusalOf(post(chat, '{"model":"m"}', [bearer(key)]));
  },
  model_not_found: () => askModel('n'),
  response_not_found: () => head('GET /v1/responses/resp_1 HTTP/1.1'),
  not_found: () => head('GET /slots HTTP/1.1'),
  method_not_allowed: () => head(`GET ${chat} HTTP/1.1`),
  request_timeout: async () => {
    // A router of its own: the requests of the others may take their time on a busy machine.
    const hasty = await startTestRouter({ requestTimeoutMs: 300 });
    const begun = `POST ${chat} HTTP/1.1\r\nHost: r\r\nContent-Length: 9\r\n\r\n`;
    const refusal = await refusalOf(begun, hasty);
    await hasty.stop();
    return refusal;
  },
  body_too_large: () => ask(`{"a":"${'x'.repeat(10_000)}"}`),
  url_too_long: () => head(`GET /v1/models/${'x'.repeat(9_000)} HTTP/1.1`),
  unsupported_encoding: () => ask('{"model":"m"}', ['content-encoding: gzip']),
  unsupported_media_type: () => ask('{"model":"m"}', [], '/v1/audio/transcriptions'),
  headers_too_large: () => head('GET /v1/models HTTP/1.1', `X: ${'x'.repeat(70_000)}`),
  rate_limit_exceeded: async () => {
    const key = await keyWith('requestsPerMinute: 1');
    const request = post(chat, '{"model":"asleep"}', [bearer(key)]);
    await refusalOf(request);
    return refusalOf(request);
  },
  internal_error: () => {
    vi.spyOn(JSON, 'parse').mockImplementationOnce(() => {
      throw new TypeError('a defect');
    });
    return askModel('m');
  },
  replica_failed: async () => askModel(await model('refusing', { port: await closedPort() })),
  no_ready_replica: () => askModel('asleep'),
  hold_full: async () => {
    const name = await model('crowded', { port: 0, hold: { maxRequests: 1 } });
    const first = openRaw(router.address, post(chat, `{"model":"${name}"}`, [bearer(admin)]));
    await eventually('the first waits', () => router.inFlight() === 1);
    const refusal = await askModel(name);
    first.socket.destroy();
    return refusal;
  },
  hold_timeout: async () =>
    askModel(await model('slow-to-start', { port: 0, hold: { timeout: '100ms' } })),
  connect_timeout: async () => {
    const hole = await startBlackHole();
    const routing = { timeouts: { connect: '300ms' } };
    const refusal = await askModel(await model('hole', { port: hole.port, routing }));
    await hole.stop();
    return refusal;
  },
  first_byte_timeout: async () => {
    engine = () => {};
    return askModel(await model('mute', { routing: { timeouts: { firstByte: '300ms' } } }));
  },
  idle_timeout: async () => {
    engine = beginStream;
    const routing = { timeouts: { idle: '300ms' } };
    return askModel(await model('idle', { routing }), ',"stream":true');
  },
  total_timeout: async () => {
    engine = () => {};
    return askModel(await model('slow', { routing: { timeouts: { total: '300ms' } } }));
  },
  stream_truncated: () => {
    engine = (request) => {
      beginStream(request);
      request.socket.write(Buffer.concat([chunk('data: {"a":1}\n\n'), chunk('')]));
    };
    return askModel('m', ',"stream":true');
  },
};

/** Errors that are met in the middle of a stream, whose status has gone out before. */
const inStreams: readonly ErrorName[] = ['idle_timeout', 'stream_truncated'];

test.each(Object.keys(errorKinds) as ErrorName[])('%s', async (name) => {
  const { status, headers, error } = await provocations[name]();
  const kind = errorKinds[name];
  expect(error).toEqual({
    message: expect.stringMatching(/^.{10,}$/),
    type: kind.type,
    param: error.param === null ? null : expect.stringMatching(/^[a-z_.]+$/),
    code: kind.code,
  });
  if (inStreams.includes(name)) {
    expect(status).toBe(200);
    return;
  }
  expect(status).toBe(kind.status);
  expect(headers.map((header) => header.toLowerCase())).toContain('content-type: application/json');
  const waits = headers.some((header) => /^retry-after: [1-9]\d*$/i.test(header));
  expect(waits).toBe('retryAfterS' in kind);
  expect(headers.includes('x-should-retry: false')).toBe('shouldRetry' in kind);
});
