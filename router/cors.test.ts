import { expect, test } from 'vitest';
import { corsHeaders, preflightHeaders, readOrigins } from './cors.ts';

const page = 'https://chat.example';

test.each([
  ['', new Set()],
  [' , ', new Set()],
  ['https://a.example, https://b.example', new Set(['https://a.example', 'https://b.example'])],
  ['https://a.example,*', '*'],
])('the list %j', (list, origins) => {
  expect(readOrigins(list)).toEqual(origins);
});

test.each([
  ['nobody', '', page, []],
  ['another', 'https://other.example', page, ['vary', 'Origin']],
  ['this page', page, page, ['vary', 'Origin', 'access-control-allow-origin', page]],
  ['anybody', '*', page, ['access-control-allow-origin', '*']],
  ['this page, asked by no page', page, undefined, ['vary', 'Origin']],
])('where %s may call', (_who, list, origin, expected) => {
  const headers = corsHeaders(readOrigins(list), origin);
  expect(headers.slice(0, expected.length)).toEqual(expected);
  expect(headers.includes('access-control-expose-headers')).toBe(
    expected.includes('access-control-allow-origin'),
  );
});

test('a preflight learns the methods, and may send the headers that it names', () => {
  const request = { origin: page, wantedHeaders: 'authorization,content-type' };
  const headers = preflightHeaders(readOrigins('*'), request, ['POST', 'OPTIONS']);
  expect(headers).toEqual(
    expect.arrayContaining([
      'POST, OPTIONS',
      'access-control-allow-headers',
      request.wantedHeaders,
    ]),
  );
  expect(preflightHeaders(readOrigins(''), request, ['POST'])).toEqual([]);
});
