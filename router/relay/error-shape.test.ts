import { expect, test } from 'vitest';
import { reshapedError } from './error-shape.ts';

const openai = (status: number, body: unknown) =>
  JSON.parse(reshapedError(status, JSON.stringify(body), 'openai') ?? 'null');

test.each<[string, unknown]>([
  ['OpenAI’s own', { error: { message: 'm', type: 't', param: null, code: 'c' } }],
  ['OpenAI’s without code and param', { error: { message: 'm', type: 't' } }],
  ['with more fields', { error: { message: 'm', type: 't', param: 'p', code: null, x: 1 }, y: 2 }],
  ['no object', [1]],
  ['nothing that could be read', { status: 'bad' }],
])('%s stays as it is', (_name, body) => {
  expect(openai(400, body)).toBeNull();
});

test('what is not JSON stays as it is', () => {
  expect(reshapedError(502, '<html>', 'openai')).toBeUndefined();
  expect(reshapedError(502, '', 'openai')).toBeUndefined();
});

test.each<[string, number, unknown, object]>([
  [
    'vLLM’s integer code',
    404,
    { error: { message: 'm', type: 'NotFoundError', param: 'model', code: 404 } },
    { message: 'm', type: 'NotFoundError', param: 'model', code: '404' },
  ],
  [
    'vLLM’s flat object, up to 0.9',
    400,
    { object: 'error', message: 'm', type: 'BadRequestError', param: null, code: 400 },
    { message: 'm', type: 'BadRequestError', param: null, code: '400' },
  ],
  [
    'llama.cpp’s',
    503,
    { error: { code: 503, message: 'Loading model', type: 'unavailable_error' } },
    { message: 'Loading model', type: 'unavailable_error', param: null, code: '503' },
  ],
  [
    'FastAPI’s text',
    404,
    { detail: 'Not Found' },
    { message: 'Not Found', type: 'invalid_request_error', param: null, code: null },
  ],
  [
    'FastAPI’s list',
    422,
    { detail: [{ loc: ['body', 'n'], msg: 'not a number' }, { msg: 'too long' }] },
    { message: 'not a number; too long', type: 'invalid_request_error', param: null, code: null },
  ],
  [
    'Ollama’s',
    500,
    { error: 'no such model' },
    { message: 'no such model', type: 'server_error', param: null, code: null },
  ],
  [
    'TGI’s',
    429,
    { error: 'Model is overloaded', error_type: 'overloaded' },
    { message: 'Model is overloaded', type: 'overloaded', param: null, code: null },
  ],
])('%s is brought into OpenAI’s shape, the original kept', (_name, status, body, error) => {
  expect(openai(status, body)).toEqual({ error: { ...error, upstream: body } });
});

test('in Anthropic’s dialect it gets Anthropic’s shape', () => {
  const own = { type: 'error', error: { type: 'not_found_error', message: 'm' } };
  expect(reshapedError(404, JSON.stringify(own), 'anthropic')).toBeUndefined();
  const foreign = { error: { message: 'm', type: 'NotFoundError', param: null, code: 404 } };
  expect(JSON.parse(reshapedError(404, JSON.stringify(foreign), 'anthropic') ?? '')).toEqual({
    type: 'error',
    error: { type: 'NotFoundError', message: 'm', upstream: foreign },
  });
});
