import { expect, test } from 'vitest';
import { adaptersAnnotation, loadedAdaptersAnnotation } from '../../crds/labels.ts';
import { modelDeployment, pod } from '../testing/fixtures.ts';
import type { HeardReport } from './agents.ts';
import { annotationsFor } from './bring.ts';
import type { AdapterReport } from './protocol.ts';
import { judgeAdapters } from './verdict.ts';
import { wantedText } from './wanted.ts';

const report = (...adapters: AdapterReport[]): HeardReport => ({
  wanted: 'w',
  container: 'c1',
  adapters,
});
const law = (state: AdapterReport['state'], message?: string): AdapterReport => ({
  name: 'org/m:1:law',
  state,
  ...(message !== undefined && { message }),
});

test.each([
  ['nothing serves', [], 'Unknown LoadingAdapters', /when a replica serves/],
  ['nobody has said anything', [undefined], 'Unknown LoadingAdapters', /to replica r0\./],
  [
    'one is on its way',
    [report(law('loaded')), report(law('loading'))],
    'Unknown LoadingAdapters',
    /to replica r1\./,
  ],
  [
    'one was started without it',
    [report(law('loaded')), report({ name: 'm:other', state: 'loaded' })],
    'Unknown LoadingAdapters',
    /to replica r1\./,
  ],
  ['all is there', [report(law('loaded'))], 'True AdaptersLoaded', /its adapter: law\./],
  [
    'the engine refuses it',
    [report(law('failed', 'rank 64 is too much.')), report(law('failed', 'rank 64 is too much.'))],
    'False AdapterFailed',
    /^Adapter law: rank 64 is too much \(replica r0, r1\)\. It is tried again/,
  ],
] as const)('%s', (_case, reports, expected, says) => {
  const replicas = reports.map((one, index) => ({
    name: `r${index}`,
    adapters: one?.adapters,
  }));
  const { verdict } = judgeAdapters(['law'], replicas);
  expect(`${verdict.status} ${verdict.reason}`).toBe(expected);
  expect(verdict.message).toMatch(says);
});

test('the status counts the replicas that have each', () => {
  const replicas = [
    { name: 'a', adapters: [law('loaded'), { name: 'm:med', state: 'loading' as const }] },
    { name: 'b', adapters: [law('loaded')] },
  ];
  expect(judgeAdapters(['law', 'med'], replicas).status).toEqual([
    { name: 'law', loadedReplicas: 2 },
    { name: 'med', loadedReplicas: 0 },
  ]);
});

test('a pod is told what to serve by the names that the router asks by', () => {
  const adapters = [{ name: 'law', uri: 'hf://o/law', secret: 'hub' }];
  const text = wantedText(modelDeployment({ servedName: 'org/m:1' }), adapters);
  expect(JSON.parse(text)).toEqual([{ name: 'org/m:1:law', uri: 'hf://o/law', secret: 'hub' }]);
});

test('only annotations that have to change are written', () => {
  const loaded = '{"container":"c1","names":["law"]}';
  const both = { [adaptersAnnotation]: 'w', [loadedAdaptersAnnotation]: loaded };
  expect(
    annotationsFor(pod({}, { annotations: both }), 'w', report(law('loaded'))),
  ).toBeUndefined();
  expect(annotationsFor(pod({}, { annotations: both }), 'w', undefined)).toBeUndefined();
  expect(annotationsFor(pod({}, { annotations: {} }), 'w', undefined)).toEqual({
    [adaptersAnnotation]: 'w',
  });
  expect(annotationsFor(pod({}, { annotations: both }), 'w', report(law('loading')))).toEqual({
    [loadedAdaptersAnnotation]: '{"container":"c1","names":[]}',
  });
});
