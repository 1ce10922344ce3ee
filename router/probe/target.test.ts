import { expect, test } from 'vitest';
import type { Pod } from '../../kube/resources.ts';
import { probeTarget } from './target.ts';

const startTime = '2026-11-21T12:00:00Z';
const initialized = { type: 'Initialized', status: 'True' };
const notReady = { type: 'Ready', status: 'False', lastTransitionTime: startTime };
const container = {
  name: 'engine',
  ports: [{ name: 'http', containerPort: 8080 }],
  readinessProbe: { httpGet: { path: '/health', port: 'http' } },
};
const conditions = [initialized, notReady];
const running = { phase: 'Running', podIP: '198.18.1.7', startTime, conditions };

const target = (status: object = {}, spec: object = {}, metadata: object = {}) =>
  probeTarget({
    metadata: { name: 'a', uid: 'uid', ...metadata },
    spec: { containers: [container], ...spec },
    status: { ...running, ...status },
  } as unknown as Pod)?.url;
const probing = (httpGet: object) => ({
  containers: [{ ...container, readinessProbe: { httpGet } }],
});

test.each([
  ['its name', probing({ path: '/health', port: 'http' })],
  ['its number, and a scheme', probing({ path: '/health', port: 8080, scheme: 'HTTP' })],
])('a starting pod is asked what the kubelet asks, the port by %s', (_case, spec) => {
  expect(target({}, spec)).toBe('http://198.18.1.7:8080/health');
});

test('an address of IPv6 stands in brackets', () => {
  expect(target({ podIP: 'fd00::7' })).toBe('http://[fd00::7]:8080/health');
});

test.each<[string, object, object?, object?]>([
  ['has no address', { podIP: undefined }],
  ['loads its weights', { conditions: [{ ...initialized, status: 'False' }, notReady] }],
  ['is Ready', { conditions: [initialized, { ...notReady, status: 'True' }] }],
  [
    'was Ready',
    { conditions: [initialized, { ...notReady, lastTransitionTime: '2026-11-21T12:03:00Z' }] },
  ],
  ['has ended', { phase: 'Failed' }],
  ['is being deleted', {}, {}, { deletionTimestamp: startTime }],
  ['drains', {}, {}, { annotations: { 'fairlead.dev/draining': startTime } }],
  ['has a sidecar', {}, { containers: [container, { name: 'proxy' }] }],
  ['has a readiness gate', {}, { readinessGates: [{ conditionType: 'example.com/ok' }] }],
  ['has no probe', {}, { containers: [{ ...container, readinessProbe: undefined }] }],
  ['is asked by TLS', {}, probing({ path: '/health', port: 'http', scheme: 'HTTPS' })],
  ['is asked elsewhere', {}, probing({ path: '/health', port: 9 })],
  ['has no port for requests', {}, { containers: [{ ...container, ports: [] }] }],
])('a pod that %s is not asked', (_case, status, spec, metadata) => {
  expect(target(status, spec, metadata)).toBeUndefined();
});
