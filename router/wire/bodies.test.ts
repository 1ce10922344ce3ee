import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { features } from '../../crds/modeldeployment/features.ts';
import { openRaw, parseAnswer, post } from '../testing/raw-client.ts';
import { type ScriptedUpstream, sendJson, startUpstream } from '../testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from '../testing/test-router.ts';

// Waits have deadlines of their own; a busy machine may need longer than the default.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let upstream: ScriptedUpstream;
let router: TestRouter;
beforeAll(async () => {
  upstream = await startUpstream((request) => sendJson(request, { ok: true }));
  router = await startTestRouter();
  const names = { m: 'm', slash: 'org/m:1.5@x', other: 'other' };
  for (const [name, servedName] of Object.entries(names)) {
    router.putModel(name, { servedName, features: [...features] });
    router.putPod(name, `${name}-0`, upstream.port);
    await router.untilReplicas(servedName, 1);
  }
});
afterAll(async () => {
  await router?.stop();
  await upstream?.stop();
});

interface Outcome {
  status: number;
  code?: string | undefined;
}

async function send(bytes: Buffer): Promise<Outcome> {
  const client = openRaw(router.address, bytes);
  await client.received(/\}$/);
  const { statusLine, body } = parseAnswer(client.text());
  client.socket.destroy();
  const { error } = JSON.parse(body) as { error?: { code: string } };
  return { status: Number(statusLine.split(' ')[1]), code: error?.code };
}

const chat = (body: string | Buffer) => send(post('/v1/chat/completions', body));

test.each([
  [
    'unknown fields, big integers, odd numbers and white space',
    '{ "model" : "m","seed":123456789012345678901234567890, "x":{"y":[1.0,-0,1E5]},\n\t"z":null }',
  ],
  ['duplicate keys', '{"a":1,"a":2,"model":"m","stop":["x"],"stop":"y"}'],
  ['the last of two models', '{"model":"unknown","model":"m"}'],
  ['the model’s key in escapes', '{"mod\\u0065l":"m"}'],
  ['the model’s name in escapes', '{"model":"\\u006d"}'],
  ['a name with slashes', '{"model":"org/m:1.5@x"}'],
  ['a name with escaped slashes', '{"model":"org\\/m:1.5@x"}'],
  [
    'a model in nested objects and in strings besides',
    '{"tools":[{"model":"x"}],"text":"\\"model\\":\\"x\\"","model":"m"}',
  ],
  [
    'other scripts, escaped and not',
    '{"model":"m","messages":[{"content":"ü€😀\\u00fc\\ud83d\\ude00\u2028"}]}',
  ],
  ['half a surrogate pair', '{"model":"m","text":"\\ud83d"}'],
])('the engine gets it byte for byte: %s', async (_what, body) => {
  expect(await chat(body)).toEqual({ status: 200 });
  expect(upstream.requests.at(-1)?.body.toString()).toBe(body);
});

test('bytes that are not UTF-8 pass inside of strings', async () => {
  const body = Buffer.concat([
    Buffer.from('{"model":"m","a":"'),
    Buffer.from([0xff, 0xc3]),
    Buffer.from('"}'),
  ]);
  expect(await chat(body)).toEqual({ status: 200 });
  expect(upstream.requests.at(-1)?.body.equals(body)).toBe(true);
});

test.each([
  [
    'a model only in nested objects',
    '{"messages":[{"model":"m"}],"x":{"model":"m"}}',
    'model_required',
  ],
  ['a model only in a string', '{"text":"\\"model\\":\\"m\\""}', 'model_required'],
  ['a model in a list', '[{"model":"m"}]', 'invalid_json'],
  ['a name with %2F', '{"model":"org%2Fm:1.5@x"}', 'model_not_found'],
  ['a name in another case', '{"model":"M"}', 'model_not_found'],
  ['a name of another script', '{"model":"\u043c"}', 'model_not_found'],
  ['a name with a space', '{"model":"m "}', 'model_not_found'],
  ['an empty name', '{"model":""}', 'model_not_found'],
  ['a name that every object has', '{"model":"__proto__"}', 'model_not_found'],
  ['a key with a byte order mark before', '\ufeff{"model":"m"}', 'invalid_json'],
  ['two documents', '{"model":"m"}{"model":"m"}', 'invalid_json'],
  ['NaN', '{"model":"m","temperature":NaN}', 'invalid_json'],
  ['a comment', '{"model":"m"/**/}', 'invalid_json'],
  [
    'objects nested too deep',
    `{"model":"m","a":${'{"a":'.repeat(600)}1${'}'.repeat(600)}}`,
    'invalid_json',
  ],
])('%s is refused, and no engine asked', async (_what, body, code) => {
  const before = upstream.requests.length;
  const { status, code: refused } = await chat(body);
  expect([status, refused]).toEqual([code === 'model_not_found' ? 404 : 400, code]);
  expect(upstream.requests.length).toBe(before);
});

test('fifty million open brackets cost neither stack nor memory', async () => {
  const before = process.memoryUsage().heapUsed;
  const body = Buffer.alloc(50_000_000, '[');
  expect(await chat(body)).toEqual({ status: 400, code: 'invalid_json' });
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(100_000_000);
});

test('a large document arrives whole', async () => {
  const text = 'x\\n'.repeat(5_000_000);
  const body = Buffer.from(`{"messages":[{"content":"${text}"}],"model":"m"}`);
  expect(await chat(body)).toEqual({ status: 200 });
  expect(upstream.requests.at(-1)?.body.equals(body)).toBe(true);
});

test.each([
  ['----WebKitFormBoundary7MA4YWxk', '----WebKitFormBoundary7MA4YWxk'],
  ['"with spaces: and (others)"', 'with spaces: and (others)'],
])('multipart with the model behind a file of 30 MB, boundary %s', async (written, boundary) => {
  const part = (head: string, content: Buffer) => [
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; ${head}\r\n\r\n`),
    content,
    Buffer.from('\r\n'),
  ];
  const body = Buffer.concat([
    ...part('name="file"; filename="a.wav"', randomBytes(30_000_000)),
    ...part('name="prompt"', Buffer.from('ü\r\n--not the boundary')),
    ...part('name="model"', Buffer.from('org/m:1.5@x')),
    Buffer.from(`--${boundary}--\r\n`),
  ]);
  const contentType = `Content-Type: multipart/form-data; boundary=${written}`;
  const head = `POST /v1/audio/transcriptions HTTP/1.1\r\nHost: r\r\n${contentType}\r\nContent-Length: ${body.length}\r\n\r\n`;
  expect(await send(Buffer.concat([Buffer.from(head), body]))).toEqual({ status: 200 });
  const seen = upstream.requests.at(-1);
  expect(seen?.head).toContain(contentType);
  expect(seen?.body.equals(body)).toBe(true);
});
