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

const resolved = (spec: Record<string, unknown> = {}, rest: Partial<References> = {}) =>
  resolve(modelDeployment(spec), {
    conflict: undefined,
    profile: undefined,
    engineImages: { LlamaCpp: 'llama:default' },
    ...rest,
  });

test('the built-in profile needs no object', () => {
  expect(resolved()).toMatchObject({ resolved: { image: 'llama:default', profile: undefined } });
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

test.each<[string, Record<string, unknown>, Partial<References>, RegExp]>([
  [
    'NameConflict',
    { servedName: 'shared' },
    { conflict: { servedName: 'shared', owner: modelDeployment() } },
    /"shared" is served by the older ModelDeployment models\/skiff; give spec\.servedName/,
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
    'ImageMissing',
    {},
    { engineImages: {} },
    /^spec\.engine\.image: no default image is set for LlamaCpp/,
  ],
])('%s', (reason, spec, rest, message) => {
  expect(resolved(spec, rest)).toEqual({
    problem: { reason, message: expect.stringMatching(message) },
  });
});
