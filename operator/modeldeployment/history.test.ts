import { expect, test } from 'vitest';
import type { ControllerRevision } from '../../kube/resources.ts';
import { modelDeployment } from '../testing/fixtures.ts';
import { controllerRevisionOf, historyOf, outlived, profileHash } from './history.ts';

const template = { metadata: {}, spec: { containers: [{ name: 'engine', image: 'llama:1' }] } };

const gpu = { resourceName: 'nvidia.com/gpu', memoryGiB: 80 };

/** Keeps these revisions one after the other, as the API server would. */
function kept(...revisions: string[]) {
  const objects: ControllerRevision[] = [];
  for (const revision of revisions) {
    const history = historyOf(objects);
    const intent = controllerRevisionOf(modelDeployment(), revision, template, history, gpu);
    objects.push({
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      revision: 0,
      data: {},
      ...JSON.parse(JSON.stringify(intent)),
    });
  }
  return historyOf(objects);
}

test('a revision keeps the whole template, and the algorithm that named it', () => {
  const intent = controllerRevisionOf(modelDeployment(), 'aa', template, new Map(), undefined);
  expect(intent).toMatchObject({
    metadata: {
      name: 'skiff-aa',
      namespace: 'models',
      labels: { 'fairlead.dev/model-deployment': 'skiff' },
      ownerReferences: [{ uid: 'uid-skiff', controller: true }],
    },
    revision: 1,
    data: { algorithm: 1, revision: 'aa', template },
  });
  expect(kept('aa').get('aa')).toMatchObject({ name: 'skiff-aa', number: 1, template });
});

test('of a profile, what reaches pods is noted, in any order of its fields', () => {
  expect(kept('aa').get('aa')?.profile).toBe(profileHash(gpu));
  expect(profileHash({ memoryGiB: 80, resourceName: 'nvidia.com/gpu', pricePerHour: '2.49' })).toBe(
    profileHash(gpu),
  );
  expect(profileHash({ ...gpu, memoryGiB: 40 })).not.toBe(profileHash(gpu));
});

test('the oldest that nothing needs are forgotten', () => {
  const history = kept('a', 'b', 'c', 'd', 'e');
  const names = (needed: string[], limit: number) =>
    outlived(history, new Set(needed), limit).map(({ revision }) => revision);
  expect(names(['e'], 2)).toEqual(['b', 'a']);
  expect(names(['a', 'e'], 2)).toEqual(['b']);
  expect(names(['e'], 0)).toEqual(['d', 'c', 'b', 'a']);
  expect(names(['e'], 4)).toEqual([]);
});
