import { expect, test } from 'vitest';
import { modelEndpoints, pathsOf, resolvePath } from './endpoints.ts';

test('an endpoint is reachable with each prefix and without', () => {
  expect(pathsOf('/v1/chat/completions')).toEqual([
    '/v1/chat/completions',
    '/openai/v1/chat/completions',
    '/chat/completions',
  ]);
});

test('every path of every endpoint leads back to it', () => {
  for (const { path, method } of modelEndpoints) {
    for (const variant of pathsOf(path)) {
      expect(resolvePath(variant)).toEqual({ path, methods: [method, 'OPTIONS'] });
    }
  }
});

test.each([
  ['/v1/models', '/v1/models'],
  ['/models/a/b', '/v1/models/a/b'],
  ['/openai/v1/models/a%2Fb', '/v1/models/a%2Fb'],
])('%s is answered by the router itself', (path, canonical) => {
  expect(resolvePath(path)).toEqual({ path: canonical, methods: ['GET', 'HEAD', 'OPTIONS'] });
});

test.each(['/', '/v1', '/v1/', '/v1/v1/models', '/slots', '/props', '/metrics', '/v1/modelsx'])(
  'an engine’s other paths are not reachable: %s',
  (path) => {
    expect(resolvePath(path)).toBeUndefined();
  },
);
