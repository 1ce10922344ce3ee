import { expect, test } from 'vitest';
import type { Pod } from '../../kube/resources.ts';
import { pod } from '../testing/fixtures.ts';
import { coldStartOf } from './stages.ts';

const at = (second: number) => new Date(Date.UTC(2026, 10, 21, 11, 0, second)).toISOString();
const condition = (type: string, second: number, status = 'True') => ({
  type,
  status,
  lastTransitionTime: at(second),
});

/** Created at 0, a node at 1, set up at 3, weights from 4 to 10, the engine from 12, answers at 20, Ready at 21. */
const conditions = [
  condition('PodScheduled', 1),
  condition('PodReadyToStartContainers', 3),
  condition('ContainersReady', 20),
  condition('Ready', 21),
];
const engine = { name: 'engine', restartCount: 0, state: { running: { startedAt: at(12) } } };
const loader = (name: string, from: number, to: number, restartCount = 0) => ({
  name,
  restartCount,
  state: { terminated: { exitCode: 0, startedAt: at(from), finishedAt: at(to) } },
});

function started(status: object = {}, spec: Partial<Pod['spec']> = {}): Pod {
  const all = {
    conditions,
    initContainerStatuses: [loader('weights', 4, 10)],
    containerStatuses: [engine],
    ...status,
  };
  const made = pod(all as unknown as Pod['status'] & object);
  return { ...made, spec: { ...made.spec, ...spec } };
}

const pulled = (image: string, took: string) => ({
  reason: 'Pulled',
  note: `Successfully pulled image "${image}" in 1s (${took} including waiting). Image size: 7 bytes.`,
});
const present = {
  reason: 'Pulled',
  note: 'Container image "engine:1" already present on machine and can be accessed by the pod',
};

test('the stages of a pod that fetches its weights', () => {
  expect(coldStartOf(started(), [pulled('engine:1', '1.5s'), present])).toEqual({
    schedule: 1,
    image_pull: 1.5,
    fetch_weights: 6,
    load: 8,
    first_ready: 1,
    total: 21,
  });
});

test('an image that holds the weights is weights', () => {
  const volumes = [{ name: 'model', image: { reference: 'local.test/skiff:1' } }];
  const events = [pulled('engine:1', '1m2.5s'), pulled('local.test/skiff:1', '430ms')];
  const stages = coldStartOf(started({ initContainerStatuses: [] }, { volumes }), events);
  expect(stages).toMatchObject({ image_pull: 62.5, fetch_weights: 0.43 });
});

test('adapters are fetched along with the model, and other init containers are no weights', () => {
  const initContainerStatuses = [
    loader('setup', 3, 4),
    loader('weights', 4, 10),
    loader('weights-adapter-0', 10, 12),
  ];
  expect(coldStartOf(started({ initContainerStatuses }), [])).toMatchObject({ fetch_weights: 8 });
});

test('what crashed on its way counts from its first try', () => {
  const stages = coldStartOf(
    started({
      initContainerStatuses: [loader('weights', 8, 10, 2)],
      containerStatuses: [{ ...engine, restartCount: 1 }],
    }),
    [],
  );
  expect(stages).toMatchObject({ fetch_weights: 7, load: 10 });
});

test('what the API does not tell is nothing, and clocks that disagree never give less than that', () => {
  const bare = coldStartOf(started({ conditions: [condition('Ready', 21)] }), []);
  expect(bare).toMatchObject({ schedule: 0, first_ready: 0, total: 21 });
  const odd = started({ conditions: [condition('PodScheduled', -5), condition('Ready', 11)] });
  expect(coldStartOf(odd, [])).toMatchObject({ schedule: 0, load: 0, total: 11 });
});

test('a pod that is not Ready has no stages yet', () => {
  expect(coldStartOf(started({ conditions: [condition('Ready', 2, 'False')] }), [])).toBe(
    undefined,
  );
});
