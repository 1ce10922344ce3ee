import { expect, test } from 'vitest';
import { features } from '../../crds/modeldeployment/features.ts';
import { modelEndpoints } from './endpoints.ts';
import { pathsOf, realtimePath, resolvePath } from './paths.ts';

test('an endpoint is reachable with each prefix and without', () => {
  expect(pathsOf('/v1/chat/completions')).toEqual([
    '/v1/chat/completions',
    '/openai/v1/chat/completions',
    '/chat/completions',
  ]);
  expect(pathsOf('/tokenize')).toEqual(['/v1/tokenize', '/openai/v1/tokenize', '/tokenize']);
  expect(pathsOf('/v2/rerank')).toEqual(['/v2/rerank']);
});

test('every path of every endpoint leads back to it', () => {
  for (const { path, also, method, dialect } of modelEndpoints) {
    for (const variant of [path, ...(also ? [also] : [])].flatMap(pathsOf)) {
      const served = resolvePath(variant.replace('{id}', 'resp_1%2F'));
      expect(served).toMatchObject({
        path: path.replace('{id}', 'resp_1%2F'),
        route: path,
        dialect,
      });
      expect(served?.methods).toEqual(expect.arrayContaining([method, 'OPTIONS']));
    }
  }
});

test('one path may be served by several methods', () => {
  expect(resolvePath('/v1/responses/a')?.methods).toEqual(['GET', 'DELETE', 'OPTIONS']);
  expect(resolvePath('/v1/responses')?.methods).toEqual(['POST', 'OPTIONS']);
});

test.each([
  ['/v1/models', '/v1/models'],
  ['/models/a/b', '/v1/models/a/b'],
  ['/openai/v1/models/a%2Fb', '/v1/models/a%2Fb'],
])('%s is answered by the router itself', (path, canonical) => {
  expect(resolvePath(path)).toMatchObject({ path: canonical, methods: ['GET', 'HEAD', 'OPTIONS'] });
});

test.each([
  ...['/', '/v1', '/v1/', '/v1/v1/models', '/v1/modelsx', '/openai/models', '/v2/models'],
  ...['/slots', '/props', '/metrics', '/health', '/v1/load_lora_adapter', '/reset_prefix_cache'],
  ...['/v1/responses/', '/v1/responses/a/b', '/v1/responses//cancel', '/v1/chat/completions/'],
  ...['/v1/chat/completions/render', '/inference/v1/generate', '/scale_elastic_ep'],
])('an engine’s other paths are not reachable: %s', (path) => {
  expect(resolvePath(path)).toBeUndefined();
});

test.each(['/v1/realtime', '/realtime', '/openai/v1/realtime/sessions'])(
  '%s is known as WebSockets’ place',
  (path) => {
    expect(realtimePath.test(path)).toBe(true);
    expect(resolvePath(path)).toBeUndefined();
  },
);

test('every feature opens an endpoint', () => {
  const opened = new Set(modelEndpoints.flatMap((endpoint) => endpoint.features));
  expect([...opened].sort()).toEqual([...features].sort());
});
