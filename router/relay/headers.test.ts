import { expect, test } from 'vitest';
import { requestHeaders } from './request-headers.ts';
import { replyHead } from './response-headers.ts';

test('a client’s headers go on in their order and case, less what ends at this hop', () => {
  const raw = [
    ...['Host', 'router', 'X-Custom', 'a', 'Connection', 'keep-alive, X-Hop', 'X-Hop', 'gone'],
    ...['Accept-Encoding', 'gzip', 'Content-Length', '2', 'Transfer-Encoding', 'chunked'],
    ...['Expect', '100-continue', 'X-Conversation-Id', 'c1', 'X-Request-Id', 'theirs'],
    ...['x-custom', 'b', 'TE', 'trailers', 'traceparent', 'tp'],
  ];
  expect(requestHeaders(raw, 'req_1', undefined)).toEqual([
    ...['accept-encoding', 'identity', 'x-request-id', 'req_1'],
    ...['X-Custom', 'a', 'x-custom', 'b', 'traceparent', 'tp'],
  ]);
});

test.each(['Authorization', 'X-Api-Key', 'api-key', 'Cookie'])(
  'no %s reaches an engine',
  (name) => {
    expect(requestHeaders([name, 'secret'], 'req_1', undefined)).not.toContain('secret');
  },
);

test('when this router traces, its own trace headers take the place of the client’s', () => {
  const trace = { traceparent: 'ours' };
  const headers = requestHeaders(['Traceparent', 'tp', 'tracestate', 'ts'], 'req_1', trace);
  expect(headers.slice(4)).toEqual(['traceparent', 'ours']);
});

test('an engine’s headers go on in their order and case, less what ends at this hop', () => {
  const raw = ['Server', 'e', 'Connection', 'close, X-Hop', 'X-Hop', 'gone', 'Keep-Alive', 'x'];
  const more = ['X-Request-ID', 'theirs', 'Set-Cookie', 'a', 'Set-Cookie', 'b', 'X-Ü', 'ü'];
  const bytes = [...raw, ...more].map((text) => Buffer.from(text, 'latin1'));
  expect(replyHead(200, bytes, ['x-request-id', 'req_1']).headers).toEqual([
    ...['x-request-id', 'req_1', 'Server', 'e'],
    ...['Set-Cookie', 'a', 'Set-Cookie', 'b', 'X-Ü', 'ü'],
  ]);
});

test.each([
  ['text/event-stream', true],
  ['Text/Event-Stream; charset=utf-8', true],
  ['text/event-streams', false],
  ['application/json', false],
])('content type %s', (contentType, isEventStream) => {
  const head = replyHead(200, ['Content-Type', contentType], []);
  expect(head.isEventStream).toBe(isEventStream);
  expect(head.headers.includes('x-accel-buffering')).toBe(isEventStream);
});
