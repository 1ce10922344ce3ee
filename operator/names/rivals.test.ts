import { expect, test } from 'vitest';
import type { ModelDeployment } from '../../crds/modeldeployment.ts';
import { claimNames } from '../../crds/names.ts';
import { createStore } from '../../kube/store.ts';
import { modelDeploymentIndexes } from '../modeldeployment/indexes.ts';
import { modelDeployment } from '../testing/fixtures.ts';
import { type Claimant, keysOfRivals, rivalsOf } from './rivals.ts';

test('rivals of rivals count: whether they get their names decides about one’s own', () => {
  const born = (name: string, second: number, aliases: string[]): ModelDeployment => {
    const { metadata, spec, ...rest } = modelDeployment();
    const creationTimestamp = new Date(1_700_000_000_000 + second * 1000).toISOString();
    return {
      ...rest,
      metadata: { ...metadata, name, uid: name, creationTimestamp },
      spec: { ...spec, servedName: name, aliases },
    };
  };
  const oldest = born('oldest', 1, ['b']);
  const middle = born('middle', 2, ['a', 'b']);
  const newest = born('newest', 3, ['a']);
  const alone = born('alone', 4, []);
  const store = createStore<ModelDeployment>(modelDeploymentIndexes);
  for (const object of [oldest, middle, newest, alone]) store.set(object);
  const names = (objects: Claimant[]) => objects.map(({ metadata }) => metadata.name).sort();
  expect(names(rivalsOf([store], newest))).toEqual(['middle', 'newest', 'oldest']);
  expect(names(rivalsOf([store], alone))).toEqual(['alone']);
  // The oldest keeps `middle` from serving `a`, so the newest may.
  expect([...claimNames(rivalsOf([store], newest)).conflicts.keys()]).toEqual(['middle']);
});

test('the keys of rivals are those of one kind alone, and of what is still there', () => {
  const { metadata, ...rest } = modelDeployment();
  const named = (name: string): ModelDeployment => ({
    ...rest,
    metadata: { ...metadata, name, uid: name },
    spec: { ...rest.spec, servedName: 'shared' },
  });
  const [mine, others] = [0, 1].map(() => createStore<ModelDeployment>(modelDeploymentIndexes));
  mine!.set(named('here'));
  others!.set(named('there'));
  expect(keysOfRivals(mine!, [mine!, others!], named('there'))).toEqual([
    `${metadata.namespace}/here`,
  ]);
});
