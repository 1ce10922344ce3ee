import { Agent, request } from 'undici';
import { afterEach, expect, test } from 'vitest';
import { silentLogger } from '../../kube/logger.ts';
import type { Handler } from '../../kube/reflector.ts';
import type { ConfigMap } from '../../kube/resources.ts';
import { createStore } from '../../kube/store.ts';
import { createAuthority, type KeyPair } from '../../kube/testing/certificates.ts';
import { modelDeployment } from '../testing/fixtures.ts';
import { createMayRead } from './access.ts';
import { frontProxyRef } from './caller.ts';
import { serveExternalMetrics } from './server.ts';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of cleanUp.splice(0).reverse()) await one();
});

const authority = createAuthority('front-proxy');
const metric = '/namespaces/models/fairlead_demand?labelSelector=model%3Dskiff';
const asked = { 'X-Remote-User': 'hpa', 'X-Remote-Group': 'controllers' };

/** What the API server writes for aggregated APIs. */
const configMap = (ca: string, allowedNames: string[]): ConfigMap =>
  ({
    metadata: { ...frontProxyRef, uid: 'u', resourceVersion: '1', creationTimestamp: '' },
    data: {
      'requestheader-client-ca-file': ca,
      'requestheader-allowed-names': JSON.stringify(allowedNames),
      'requestheader-username-headers': '["X-Remote-User"]',
      'requestheader-group-headers': '["X-Remote-Group"]',
    },
  }) as unknown as ConfigMap;

async function metrics(allowedNames = ['server']) {
  const serving = createAuthority('serving');
  const store = createStore<ConfigMap>();
  const handlers = new Set<Handler<ConfigMap>>();
  const reviews: object[] = [];
  const allowed = new Set(['hpa']);
  const set = (object: ConfigMap) => {
    const before = store.set(object);
    for (const handler of handlers) handler(before, object, 'watch');
  };
  const server = await serveExternalMetrics({
    port: 0,
    tls: serving.issue(),
    configMaps: {
      store,
      addHandler(handler) {
        handlers.add(handler);
        return () => handlers.delete(handler);
      },
    },
    mayRead: createMayRead(
      {
        create: (async (_type: unknown, { spec }: { spec: { user: string } }) => {
          reviews.push(spec);
          return { status: { allowed: allowed.has(spec.user) } };
        }) as never,
      },
      () => 0,
    ),
    sources: {
      modelsOf: () => [modelDeployment()],
      loadOf: () => ({ inFlight: 1, held: 1, isComplete: true }),
      nowMs: () => 0,
    },
    log: silentLogger,
  });
  cleanUp.push(() => server.close());
  set(configMap(authority.ca, allowedNames));
  return {
    set,
    reviews,
    async ask(path: string, as: KeyPair | undefined, headers: Record<string, string> = asked) {
      const agent = new Agent({ connect: { ca: serving.ca, ...as } });
      cleanUp.push(() => agent.destroy());
      const url = `https://127.0.0.1:${server.port}/apis/external.metrics.k8s.io/v1beta1${path}`;
      const { statusCode, body } = await request(url, { dispatcher: agent, headers });
      return { status: statusCode, body: (await body.json()) as { items?: unknown[] } };
    },
  };
}

test('the API server gets values, for whom it may', async () => {
  const { ask, reviews } = await metrics();
  const proxy = authority.issue();
  expect(await ask('', proxy)).toMatchObject({ status: 200 });
  const values = await ask(metric, proxy);
  expect(values.body.items).toMatchObject([{ metricLabels: { model: 'skiff' }, value: '2' }]);
  expect(reviews).toEqual([
    {
      user: 'hpa',
      groups: ['controllers'],
      resourceAttributes: {
        group: 'external.metrics.k8s.io',
        version: 'v1beta1',
        resource: 'fairlead_demand',
        namespace: 'models',
        verb: 'list',
      },
    },
  ]);
  await ask(metric, proxy);
  expect(reviews).toHaveLength(1);
  expect(await ask(metric, proxy, { ...asked, 'X-Remote-User': 'eve' })).toMatchObject({
    status: 403,
  });
});

test.each<[string, KeyPair | undefined, string[], Record<string, string>]>([
  ['nobody', undefined, ['server'], asked],
  [
    'who has a certificate of another authority',
    createAuthority('other').issue(),
    ['server'],
    asked,
  ],
  ['who has another name', authority.issue(), ['front-proxy-client'], asked],
  ['who does not say for whom', authority.issue(), ['server'], {}],
])('%s is refused', async (_, as, allowedNames, headers) => {
  const { ask, reviews } = await metrics(allowedNames);
  expect(await ask(metric, as, headers)).toMatchObject({ status: 401 });
  expect(await ask('', as, headers)).toMatchObject({ status: 401 });
  expect(reviews).toEqual([]);
});

test('another authority is followed without a restart', async () => {
  const { ask, set } = await metrics();
  const next = createAuthority('next');
  set(configMap(next.ca, ['server']));
  expect(await ask(metric, next.issue())).toMatchObject({ status: 200 });
  expect(await ask(metric, authority.issue())).toMatchObject({ status: 401 });
});

test('there is nothing else', async () => {
  const { ask } = await metrics();
  expect(await ask('/namespaces/models', authority.issue())).toMatchObject({ status: 404 });
});
