import { expect, test } from 'vitest';
import { readConfig } from './config.ts';

const needed = {
  FAIRLEAD_NAMESPACE: 'fairlead',
  FAIRLEAD_POD_NAME: 'operator-0',
  FAIRLEAD_ROUTER_URL: 'http://router.fairlead.svc/v1',
  FAIRLEAD_LOADER_IMAGE: 'fairlead:1',
};

test('defaults, and empty variables count as absent', () => {
  expect(readConfig({ ...needed, FAIRLEAD_WATCH_NAMESPACE: '', FAIRLEAD_PORT: '' })).toEqual({
    namespace: 'fairlead',
    podName: 'operator-0',
    routerUrl: 'http://router.fairlead.svc/v1',
    logLevel: 'info',
    watchNamespace: undefined,
    externalNamespaces: [],
    port: 9090,
    engineImages: { accelerated: {}, cpu: {} },
    hostPaths: [],
    loader: { image: 'fairlead:1', hubEndpoint: undefined },
    imageVolumes: true,
    cacheClasses: {},
    peers: undefined,
    externalMetrics: undefined,
    kedaPort: undefined,
  });
});

test('everything set', () => {
  const all = {
    ...needed,
    FAIRLEAD_ENGINE_IMAGES: '{"LlamaCpp": "llama:1"}',
    FAIRLEAD_CPU_ENGINE_IMAGES: '{"vLLM": "vllm:cpu"}',
    FAIRLEAD_HOST_PATHS: '/a,/b/c',
    FAIRLEAD_PEERS: '[{"podSelector":{}}]',
    FAIRLEAD_HUB_ENDPOINT: 'https://hub.example',
    FAIRLEAD_CACHE_CLASSES: '{"shared": {"size": "500Gi"}}',
    FAIRLEAD_IMAGE_VOLUMES: 'false',
    FAIRLEAD_LOG_LEVEL: 'debug',
    FAIRLEAD_WATCH_NAMESPACE: 'models',
    FAIRLEAD_EXTERNAL_METRICS_CERT: '/tls.crt',
    FAIRLEAD_EXTERNAL_METRICS_KEY: '/tls.key',
    FAIRLEAD_KEDA_PORT: '9091',
    FAIRLEAD_PORT: '0',
  };
  expect(readConfig(all)).toMatchObject({
    logLevel: 'debug',
    imageVolumes: false,
    watchNamespace: 'models',
    externalMetrics: { certFile: '/tls.crt', keyFile: '/tls.key', port: 6443 },
    kedaPort: 9091,
    port: 0,
    engineImages: { accelerated: { LlamaCpp: 'llama:1' }, cpu: { vLLM: 'vllm:cpu' } },
    hostPaths: ['/a', '/b/c'],
    peers: [{ podSelector: {} }],
    loader: { hubEndpoint: 'https://hub.example' },
    cacheClasses: { shared: { size: '500Gi', accessModes: ['ReadWriteMany'] } },
  });
});

test('every wrong variable is named', () => {
  const wrong = {
    ...needed,
    FAIRLEAD_ROUTER_URL: 'router',
    FAIRLEAD_PORT: 'x',
    FAIRLEAD_NAMESPACE: '',
    FAIRLEAD_ENGINE_IMAGES: '{"Abacus": "x"}',
    FAIRLEAD_CPU_ENGINE_IMAGES: 'vLLM',
    FAIRLEAD_HOST_PATHS: 'models',
    FAIRLEAD_CACHE_CLASSES: '{"shared": {}}',
  };
  expect(() => readConfig(wrong)).toThrow(
    /FAIRLEAD_NAMESPACE.*ROUTER_URL.*ENGINE_IMAGES.*Abacus.*CPU_ENGINE_IMAGES.*HOST_PATHS.*absolute.*FAIRLEAD_PORT/,
  );
});
