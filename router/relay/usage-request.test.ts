import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readJsonHead } from '../openai/model-name.ts';
import { withUsage } from './usage-request.ts';

const path = '/v1/chat/completions';

/** Adds the wish for usage; undefined: nothing was added. */
function added(body: string, at = path): { text: string; model: string } | undefined {
  const bytes = Buffer.from(body);
  const head = readJsonHead(bytes);
  if (head.kind !== 'ok') throw new Error(head.kind);
  const result = withUsage(at, bytes, head);
  if (!result) return undefined;
  const { start = 0, end = 0 } = result.modelSpan ?? {};
  return { text: result.body.toString(), model: result.body.toString('utf8', start, end) };
}

test('nothing before the end of the body moves', () => {
  expect(added('{ "model":"m","stream":true,"big":12345678901234567890 } ')?.text).toBe(
    '{ "model":"m","stream":true,"big":12345678901234567890 ,"stream_options":{"include_usage":true}} ',
  );
});

test.each([
  ['without a stream', '{"model":"m","stream":false}'],
  [
    'with usage wanted already',
    '{"model":"m","stream":true,"stream_options":{"include_usage":true}}',
  ],
  ['with options that are none', '{"model":"m","stream":true,"stream_options":7}'],
])('a request %s stays as it is', (_name, body) => {
  expect(added(body)).toBeUndefined();
});

test('other endpoints know no such option', () => {
  expect(added('{"model":"m","stream":true}', '/v1/messages')).toBeUndefined();
  expect(added('{"model":"m","stream":true}', '/v1/responses')).toBeUndefined();
});

test('options that are there keep what they say, and the model is still found', () => {
  const options = fc.constantFrom(null, {}, { include_usage: false }, { x: [1] });
  const orders = fc.shuffledSubarray(['model', 'stream', 'stream_options', 'messages'], {
    minLength: 4,
  });
  fc.assert(
    fc.property(orders, options, (order, streamOptions) => {
      const values = { model: 'm', stream: true, stream_options: streamOptions, messages: ['{"}'] };
      const body = Object.fromEntries(
        order.map((name) => [name, values[name as keyof typeof values]]),
      );
      const result = added(JSON.stringify(body));
      expect(result?.model).toBe('"m"');
      expect(JSON.parse(result?.text ?? '')).toEqual({
        ...body,
        stream_options: { ...streamOptions, include_usage: true },
      });
    }),
  );
});
