import { afterEach, expect, test } from 'vitest';
import { adaptersAnnotation } from '../../crds/labels.ts';
import type { Pod } from '../../kube/resources.ts';
import { eventually } from '../../kube/testing/wait.ts';
import { pod } from '../testing/fixtures.ts';
import { followAgents } from './agents.ts';
import type { AdapterReport } from './protocol.ts';

const cleanUp: (() => unknown)[] = [];
afterEach(() => {
  for (const one of cleanUp.splice(0)) one();
});

const wanted = '[{"name":"m:law"}]';

function podWith(annotation: string, containerID: string): Pod {
  const state = { running: {} };
  return pod(
    {
      podIP: '10.0.0.7',
      containerStatuses: [{ name: 'engine', containerID, state } as never],
    },
    { annotations: { [adaptersAnnotation]: annotation } },
  );
}

function follow() {
  const world: { pod: Pod | undefined; says: string | undefined; urls: string[]; news: number } = {
    pod: podWith(wanted, 'c1'),
    says: undefined,
    urls: [],
    news: 0,
  };
  const agents = followAgents({
    podOf: () => world.pod,
    onNews: () => world.news++,
    async ask(url) {
      world.urls.push(url);
      if (world.says === undefined) throw new Error('ECONNREFUSED');
      return world.says;
    },
  });
  cleanUp.push(() => agents.stop());
  const says = (state: AdapterReport['state'], about = wanted) => {
    world.says = JSON.stringify({ wanted: about, adapters: [{ name: 'm:law', state }] });
  };
  return { agents, world, says };
}

test('an agent is asked until all is loaded, and each change is news', async () => {
  const { agents, world, says } = follow();
  expect(agents.heard(world.pod!)).toBeUndefined();
  await eventually('it is asked', () => world.urls.length > 0);
  expect(world.urls[0]).toBe('http://10.0.0.7:8091/adapters');
  says('loading');
  await eventually('it is heard', () => world.news === 1);
  expect(agents.heard(world.pod!)?.adapters[0]?.state).toBe('loading');
  says('loaded');
  await eventually('it is heard again', () => world.news === 2);
  expect(agents.heard(world.pod!)).toMatchObject({ container: 'c1', wanted });
});

test('what was said of another list or another container is not taken for the present one', async () => {
  const { agents, world, says } = follow();
  says('loaded');
  agents.heard(world.pod!);
  await eventually('it is heard', () => world.news === 1);
  world.pod = podWith(wanted, 'c2');
  expect(agents.heard(world.pod)).toBeUndefined();
  await eventually('it is asked of the new container', () => world.news === 2);
  expect(agents.heard(world.pod)?.container).toBe('c2');
  world.pod = podWith('[]', 'c2');
  expect(agents.heard(world.pod)).toBeUndefined();
  world.says = JSON.stringify({ wanted: '[]', adapters: [] });
  await eventually('it has read the new list', () => world.news === 3);
  expect(agents.heard(world.pod)?.adapters).toEqual([]);
});

test('the agent of a pod that is gone is asked no more', async () => {
  const { agents, world, says } = follow();
  says('loading');
  agents.heard(world.pod!);
  await eventually('it is heard', () => world.news === 1);
  world.pod = undefined;
  const asked = world.urls.length;
  await eventually('it is forgotten', () => agents.heard(podWith(wanted, 'c1')) === undefined);
  expect(world.urls).toHaveLength(asked);
});
