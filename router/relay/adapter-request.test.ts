import { expect, test } from 'vitest';
import { withAdapter } from './adapter-request.ts';

const chat = '/v1/chat/completions';
const ids = ['law', 'med'];
const sent = (body: string, adapter?: string, path = chat) =>
  withAdapter(path, Buffer.from(body), ids, adapter).toString();

test.each([
  ['med', '{"cache_prompt":true,"model":"m" ,"lora":[{"id":1,"scale":1}]} '],
  ['law', '{"cache_prompt":true,"model":"m" ,"lora":[{"id":0,"scale":1}]} '],
  [undefined, '{"cache_prompt":true,"model":"m" ,"lora":[{"id":0,"scale":0}]} '],
])('%s is asked for by its number, and nothing else of the body changes', (adapter, expected) => {
  expect(sent('{"model":"m" } ', adapter)).toBe(expected);
});

test('a client may switch its prompt cache off, and cannot choose an adapter that it has not named', () => {
  const body = '{"model":"m","lora":[{"id":1,"scale":1}],"cache_prompt":false}';
  expect(JSON.parse(sent(body))).toEqual({
    model: 'm',
    lora: [{ id: 0, scale: 0 }],
    cache_prompt: false,
  });
});

test('where the engine knows no adapters the body stays as it is', () => {
  expect(sent('{"model":"m"}', undefined, '/v1/messages')).toBe('{"model":"m"}');
});
