import { expect, test } from 'vitest';
import type { ExternalModel } from '../../crds/externalmodel.ts';
import { type StatusInput, statusOf } from './status.ts';

const object = {
  apiVersion: 'fairlead.dev/v1alpha1',
  kind: 'ExternalModel',
  metadata: {
    name: 'gpt',
    namespace: 'team',
    uid: 'uid-gpt',
    resourceVersion: '1',
    generation: 3,
    creationTimestamp: '2026-01-02T00:00:00Z',
  },
  spec: { baseURL: 'https://api.example/v1', aliases: ['gpt-4o'] },
} as unknown as ExternalModel;
const older = { ...object, metadata: { ...object.metadata, name: 'old', uid: 'uid-old' } };

const sound: StatusInput = {
  object,
  isEnabled: true,
  conflict: undefined,
  credentials: { key: undefined, ca: undefined },
  nowMs: Date.UTC(2026, 0, 3),
};

test('what is sound is accepted, under all its names', () => {
  expect(statusOf(sound)).toEqual({
    observedGeneration: 3,
    servedNames: ['gpt', 'gpt-4o'],
    conditions: [
      {
        type: 'Accepted',
        status: 'True',
        reason: 'Accepted',
        message: 'The spec is sound.',
        observedGeneration: 3,
        lastTransitionTime: '2026-01-03T00:00:00Z',
      },
    ],
  });
});

test.each<[string, Partial<StatusInput>, string, RegExp, number]>([
  [
    'a namespace that is not enabled',
    { isEnabled: false },
    'NamespaceNotEnabled',
    /of the namespace team are not served; add it to the chart's value externalModels\.namespaces/,
    0,
  ],
  [
    'a name of an older object',
    { conflict: { servedName: 'gpt-4o', owner: older } },
    'NameConflict',
    /spec\.aliases: the name "gpt-4o" is served by the older ExternalModel team\/old/,
    0,
  ],
  [
    'a Secret that is missing',
    { credentials: { problem: 'spec.secretName: there is no Secret "x"' } },
    'SecretNotUsable',
    /spec\.secretName: there is no Secret "x"/,
    2,
  ],
])('%s is told with its fix', (_what, facts, reason, message, names) => {
  const { conditions, servedNames } = statusOf({ ...sound, ...facts });
  expect(conditions[0]).toMatchObject({
    status: 'False',
    reason,
    message: expect.stringMatching(message),
  });
  expect(servedNames).toHaveLength(names);
});

test('later the same status comes out, so that nothing is written', () => {
  const status = statusOf(sound);
  const later = { ...sound, object: { ...object, status }, nowMs: sound.nowMs + 60_000 };
  expect(statusOf(later)).toEqual(status);
});
