import { expect, test } from 'vitest';
import type { ExternalEndpoint, Replica } from './model.ts';
import { originOf, pathAt } from './origin.ts';

const pod: Replica = {
  id: 'uid',
  pod: 'm-0',
  namespace: 'ns',
  revision: 'r1',
  host: '[fd00::1]',
  port: 8000,
};
const endpoint = (basePath: string, tls = true): Replica => {
  const external: ExternalEndpoint = { tls, basePath, headers: [], ca: undefined };
  return { ...pod, pod: '', host: 'api.example', port: 443, external };
};

test('a pod is asked by plain HTTP at the client’s own path', () => {
  expect(originOf(pod)).toBe('http://[fd00::1]:8000');
  expect(pathAt(pod, '/v1/chat/completions?x=1')).toBe('/v1/chat/completions?x=1');
  expect(pathAt(pod, '/tokenize')).toBe('/tokenize');
});

test.each([
  ['/api/v1', '/v1/chat/completions?x=1', '/api/v1/chat/completions?x=1'],
  ['/v1', '/v1/embeddings', '/v1/embeddings'],
  ['', '/v1/embeddings', '/embeddings'],
  ['/openai', '/v1/embeddings', '/openai/embeddings'],
  ['/team/v1', '/tokenize', '/team/tokenize'],
  ['/openai', '/tokenize', '/openai/tokenize'],
])('with the base path "%s" %s becomes %s', (basePath, path, expected) => {
  expect(pathAt(endpoint(basePath), path)).toBe(expected);
});

test('an external endpoint is asked by the scheme of its URL', () => {
  expect(originOf(endpoint('/v1'))).toBe('https://api.example:443');
  expect(originOf(endpoint('/v1', false))).toBe('http://api.example:443');
});
