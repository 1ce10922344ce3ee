import { expect, test } from 'vitest';
import { readJsonHead } from './model-name.ts';

const read = (text: string) => readJsonHead(Buffer.from(text));

test('finds the model and where its name stands', () => {
  expect(read('{"model": "org/m:1", "stream": true}')).toEqual({
    kind: 'ok',
    model: 'org/m:1',
    modelSpan: { start: 10, end: 19 },
    stream: true,
  });
});

test.each([
  ['{"model":"m"}', false],
  ['{"model":"m","stream":false}', false],
  ['{"model":"m","stream":null}', false],
  ['{"model":"m","stream":"true"}', false],
  ['{"stream":false,"model":"m","stream":true}', true],
])('stream of %s is %s', (text, stream) => {
  expect(read(text)).toMatchObject({ kind: 'ok', stream });
});

test.each([
  ['', 'malformed'],
  ['{"model":"m"', 'malformed'],
  ['["model","m"]', 'malformed'],
  ['{"messages":[{"model":"m"}]}', 'no_model'],
  ['{"model":7}', 'model_not_a_string'],
  ['{"model":"m","model":null}', 'model_not_a_string'],
])('%s is %s', (text, kind) => {
  expect(read(text).kind).toBe(kind);
});

test('escapes and other scripts in the name are resolved', () => {
  expect(read('{"model":"\\u006d\\/\u00fc\\ud83d\\ude00"}')).toMatchObject({ model: 'm/ü😀' });
});

test('the response that is continued', () => {
  expect(read('{"model":"m","previous_response_id":"resp_1"}')).toMatchObject({
    previousResponseId: 'resp_1',
  });
  expect(read('{"model":"m","previous_response_id":null}')).not.toHaveProperty(
    'previousResponseId',
  );
});

test('the prompt stands where its parts are, in the order in which engines render them', () => {
  const text = '{"messages":[{"user":"no"}],"user":"u-1","model":"m","tools":[7],"system":"s"}';
  const head = read(text);
  const parts = head.kind === 'ok' ? (head.promptSpans ?? []) : [];
  expect(parts.map(({ start, end }) => text.slice(start, end))).toEqual([
    '"s"',
    '[7]',
    '[{"user":"no"}]',
  ]);
});

test.each([
  ['{"model":"m"}', undefined],
  ['{"model":"m","user":"u-1"}', 'u-1'],
  ['{"model":"m","user":"u-1","prompt_cache_key":"k"}', 'k'],
  ['{"model":"m","user":7}', undefined],
])('what ties the requests of a conversation together in %s', (text, sessionKey) => {
  const head = read(text);
  expect(head.kind === 'ok' ? head.sessionKey : head).toBe(sessionKey);
});
