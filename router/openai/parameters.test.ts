import { expect, test } from 'vitest';
import { modelEndpoints } from './endpoints.ts';
import { readParameters } from './parameters.ts';

function read(path: string, body: object | string) {
  const endpoint = modelEndpoints.find((one) => one.path === path)!;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const given = readParameters(endpoint, Buffer.from(text));
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

test('a chat’s parameters are told by the conventions’ names', () => {
  const body = {
    ...{ model: 'm', n: 2, seed: 7, top_k: 40, temperature: 0.5, top_p: 0.9, max_tokens: 100 },
    ...{ frequency_penalty: 0.1, presence_penalty: -1, stop: ['a', 'b'], service_tier: 'flex' },
    ...{ response_format: { type: 'json_schema', json_schema: {} }, reasoning_effort: 'low' },
    messages: [{ role: 'user', content: 'n' }],
  };
  expect(read('/v1/chat/completions', body)).toEqual({
    'gen_ai.request.choice.count': 2,
    'gen_ai.request.seed': 7,
    'gen_ai.request.top_k': 40,
    'gen_ai.request.temperature': 0.5,
    'gen_ai.request.top_p': 0.9,
    'gen_ai.request.max_tokens': 100,
    'gen_ai.request.frequency_penalty': 0.1,
    'gen_ai.request.presence_penalty': -1,
    'gen_ai.request.stop_sequences': ['a', 'b'],
    'gen_ai.request.reasoning.level': 'low',
    'gen_ai.output.type': 'json',
    'openai.api.type': 'chat_completions',
    'openai.request.service_tier': 'flex',
  });
});

test('a response’s parameters have names of their own', () => {
  const body = {
    ...{ model: 'm', max_output_tokens: 9, reasoning: { effort: 'high' }, service_tier: 'auto' },
    ...{ conversation: { id: 'conv_1' }, previous_response_id: 'resp_1', n: 1 },
    text: { format: { type: 'text' } },
  };
  expect(read('/v1/responses', body)).toEqual({
    'gen_ai.request.max_tokens': 9,
    'gen_ai.request.reasoning.level': 'high',
    'gen_ai.request.previous_response.id': 'resp_1',
    'gen_ai.conversation.id': 'conv_1',
    'gen_ai.output.type': 'text',
    'openai.api.type': 'responses',
  });
});

test.each<[string, object | string, object]>([
  ['/v1/completions', { stop: 'x', seed: 1.5, top_p: '1', n: null }, { stop: ['x'] }],
  ['/v1/images/generations', { n: 3 }, { count: 3, type: 'image' }],
  ['/v1/completions', '{', {}],
  ['/v1/completions', '[]', {}],
  ['/v1/completions', { stop: ['x'.repeat(5000)] }, {}],
  ['/v1/audio/transcriptions', '--boundary', {}],
])('%s %j', (path, body, expected: { stop?: string[]; count?: number; type?: string }) => {
  expect(read(path, body)).toEqual({
    ...(expected.stop && { 'gen_ai.request.stop_sequences': expected.stop }),
    ...(expected.count && { 'gen_ai.request.choice.count': expected.count }),
    ...(expected.type && { 'gen_ai.output.type': expected.type }),
  });
});
