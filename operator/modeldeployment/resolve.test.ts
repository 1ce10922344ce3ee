import { expect, test } from 'vitest';
import type { AcceleratorProfile } from '../../crds/acceleratorprofile.ts';
import { apiVersion } from '../../crds/object.ts';
import { modelDeployment } from '../testing/fixtures.ts';
import { type References, resolve } from './resolve.ts';

const profile: AcceleratorProfile = {
  apiVersion,
  kind: 'AcceleratorProfile',
  metadata: {
    name: 'nvidia',
    uid: 'u',
    resourceVersion: '1',
    creationTimestamp: '2026-11-21T11:00:00Z',
  },
  spec: { resourceName: 'nvidia.com/gpu' },
};

const settings: References['settings'] = {
  engineImages: {
    accelerated: { LlamaCpp: 'llama:default', vLLM: 'vllm:default' },
    cpu: { vLLM: 'vllm:cpu' },
  },
  hostPaths: ['/srv/models'],
  loader: { image: 'fairlead:1', hubEndpoint: undefined },
  imageVolumes: true,
  cacheClasses: { shared: { size: '1Ti', accessModes: ['ReadWriteMany'] } },
};
const vllm = { engine: { type: 'vLLM' } };

const resolved = (spec: Record<string, unknown> = {}, rest: Partial<References> = {}) =>
  resolve(modelDeployment(spec), {
    conflict: undefined,
    profile: undefined,
    hasClaim: (name) => name === 'mine',
    settings,
    ...rest,
  });

test('the built-in profile needs no object', () => {
  expect(resolved()).toMatchObject({ resolved: { image: 'llama:default', profile: undefined } });
});

test.each([
  ['mine', { claim: 'mine', cacheClass: undefined }],
  ['shared', { claim: 'fairlead-shared', cacheClass: 'shared' }],
])('the cache %s is %j', (cache, expected) => {
  const source = { uri: 'hf://org/m/q4.gguf', cache };
  expect(resolved({ source })).toMatchObject({ resolved: { weights: { loads: [expected] } } });
});

test('a cache that is neither class nor claim is a mistake', () => {
  const source = { uri: 'hf://org/m/q4.gguf', cache: 'toString' };
  expect(resolved({ source })).toEqual({
    problem: {
      reason: 'CacheNotFound',
      message: expect.stringMatching(
        /^spec\.source\.cache: .* no PersistentVolumeClaim "toString"/,
      ),
    },
  });
});

test('a profile and an image of one’s own', () => {
  const spec = {
    accelerator: { profile: 'nvidia' },
    engine: { type: 'LlamaCpp', image: 'mine:1' },
  };
  expect(resolved(spec, { profile })).toMatchObject({
    resolved: { image: 'mine:1', profile: profile.spec },
  });
});

test.each<[string, Record<string, unknown>, AcceleratorProfile | undefined]>([
  ['llama:default', {}, undefined],
  ['vllm:cpu', vllm, undefined],
  ['vllm:default', { ...vllm, accelerator: { profile: 'nvidia' } }, profile],
  [
    'vllm:amd',
    { ...vllm, accelerator: { profile: 'nvidia' } },
    { ...profile, spec: { ...profile.spec, images: { vLLM: 'vllm:amd' } } },
  ],
  ['mine:1', { engine: { type: 'Custom', image: 'mine:1' } }, undefined],
])('the image %s: the user’s, the profile’s, the chart’s', (image, spec, of) => {
  expect(resolved(spec, { profile: of })).toMatchObject({ resolved: { image } });
});

test.each([
  ['/srv/models', undefined],
  ['/srv/models/a', undefined],
  ['/srv/models-b', 'PodTemplateRefused'],
  ['/srv/models/../..', 'PodTemplateRefused'],
  ['/', 'PodTemplateRefused'],
])('a volume of the node’s %s: %s', (path, reason) => {
  const volumes = [{ name: 'mine', hostPath: { path } }];
  const result = resolved({ podTemplate: { spec: { volumes } } });
  expect('problem' in result ? result.problem.reason : undefined).toBe(reason);
});

test.each<[string, Record<string, unknown>, Partial<References>, RegExp]>([
  [
    'NameConflict',
    { servedName: 'shared' },
    { conflict: { servedName: 'shared', owner: modelDeployment() } },
    /spec\.servedName: the name "shared" is served by the older ModelDeployment models\/skiff; choose/,
  ],
  [
    'NameConflict',
    { servedName: 'own', aliases: ['shared'] },
    { conflict: { servedName: 'shared', owner: modelDeployment() } },
    /spec\.aliases: the name "shared" is served by the older ModelDeployment models\/skiff; choose/,
  ],
  [
    'ProfileNotFound',
    { accelerator: { profile: 'ghost' } },
    {},
    /^spec\.accelerator\.profile: there is no AcceleratorProfile "ghost"; create it/,
  ],
  [
    'FlagRefused',
    { engine: { type: 'LlamaCpp', args: ['--port=1'] } },
    {},
    /^spec\.engine\.args: --port is refused\. Fairlead chooses the address/,
  ],
  [
    'PodTemplateRefused',
    { podTemplate: { metadata: { labels: { 'fairlead.dev/slot': '1' } } } },
    {},
    /^spec\.podTemplate\.metadata\.labels: fairlead\.dev\/slot is Fairlead's; remove it/,
  ],
  [
    'AcceleratorRefused',
    { ...vllm, accelerator: { profile: 'mig', count: 2 } },
    { profile: { ...profile, spec: { resourceName: 'nvidia.com/mig-1g.10gb' } } },
    /^spec\.accelerator\.count: vLLM cannot spread a model over 2 of nvidia\.com\/mig-1g\.10gb/,
  ],
  [
    'SourceRefused',
    { source: { uri: 'hostpath:///etc/model.gguf' } },
    {},
    /^spec\.source\.uri: \/etc\/model\.gguf is not below a folder that the chart's weights\.hostPaths/,
  ],
  [
    'ImageMissing',
    {},
    { settings: { ...settings, engineImages: { accelerated: {}, cpu: {} } } },
    /^spec\.engine\.image: no default image is set for LlamaCpp/,
  ],
])('%s', (reason, spec, rest, message) => {
  expect(resolved(spec, rest)).toEqual({
    problem: { reason, message: expect.stringMatching(message) },
  });
});
