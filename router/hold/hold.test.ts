import { expect, test } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import type { Catalog } from '../catalog/model.ts';
import { Deadlines } from '../relay/deadlines.ts';
import { type HeldModel, Hold } from './hold.ts';

const nowMs = () => performance.now();

function model(name: string, replicas: number): HeldModel {
  return {
    key: `default/${name}`,
    replicas: Array.from({ length: replicas }, (_, at) => ({ id: `${name}-${at}` })),
    concurrency: 40,
    hold: { timeoutMs: 600_000, maxRequests: 100, autoscaled: true },
    routing: { fallbacks: [] },
  } as unknown as HeldModel;
}

test('models that become ready together take turns', async () => {
  const open = new Map<string, number>();
  const inFlight = (id: string) => open.get(id) ?? 0;
  const hold = new Hold({
    router: 'r',
    load: { inFlight, withRoom: (replicas) => replicas },
    neighbours: { inFlight: () => 0, demands: () => [] },
    deadlines: new Deadlines(nowMs),
    nowMs,
    limitBytes: 1_000_000,
    changed: () => {},
  });
  const released: string[] = [];
  for (const name of ['a', 'b']) {
    for (let request = 0; request < 40; request++) {
      hold.enter(model(name, 0), undefined, {
        ...{ priority: 0, bytes: 1, canGoElsewhere: () => false, fit: () => 0 },
        over: () => {
          released.push(name);
          open.set(`${name}-0`, inFlight(`${name}-0`) + 1);
        },
      });
    }
  }
  expect(hold.waiting()).toEqual(
    new Map([
      ['default/a', 40],
      ['default/b', 40],
    ]),
  );
  hold.update({ models: [model('a', 1), model('b', 1)] } as unknown as Catalog);
  await eventually('all are released', () => hold.total === 0);
  expect(released).toEqual(Array.from({ length: 80 }, (_, at) => (at % 2 === 0 ? 'a' : 'b')));
});
