import { expect, test } from 'vitest';
import { adapterIdsAnnotation, adaptersAnnotation } from '../../crds/labels.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Pod } from '../../kube/resources.ts';
import { modelDeployment, pod } from '../testing/fixtures.ts';
import type { Agents } from './agents.ts';
import { adapterAgent } from './sidecar.ts';
import { bringAdapters } from './step.ts';

const serving: Pod['status'] & object = { conditions: [{ type: 'Ready', status: 'True' }] };
const named = (name: string, annotations: Record<string, string> = {}) =>
  pod(serving, { name, uid: `uid-${name}`, annotations });

function withAgent(of: Pod): Pod {
  return { ...of, spec: { ...of.spec, initContainers: [{ name: adapterAgent }] } };
}

async function bring(engine: string, pods: Pod[], workers: Pod[] = []) {
  const patched: Record<string, object> = {};
  const client = {
    async patch(_type: object, { name }: { name: string }, body: { metadata: object }) {
      patched[name] = body.metadata;
    },
  } as unknown as KubeClient;
  const agents: Agents = { heard: () => undefined, stop() {} };
  const adapters = [{ name: 'law', source: { uri: 'hf://o/law' } }];
  const deployment = modelDeployment({ engine: { type: engine }, adapters });
  const using = { client, agents, fieldManager: 'test', signal: new AbortController().signal };
  const wanted = [{ name: 'law', uri: 'hf://o/law' }];
  return { patched, view: await bringAdapters(deployment, pods, workers, wanted, using) };
}

test('every host of a replica is told what to load, for each engine reads its own files', async () => {
  const wanted = '[{"name":"skiff:law","uri":"hf://o/law"}]';
  const worker = withAgent(named('m-0-1'));
  const { patched } = await bring('vLLM', [withAgent(named('m-0'))], [worker]);
  const annotations = { [adaptersAnnotation]: wanted };
  expect(patched).toEqual({
    'm-0': { uid: 'uid-m-0', annotations },
    'm-0-1': { uid: 'uid-m-0-1', annotations },
  });
  const told = withAgent(named('m-0', annotations));
  expect((await bring('vLLM', [told])).patched).toEqual({});
});

test('a pod without an agent has what its engine was started with, and is told nothing', async () => {
  const ids = { [adapterIdsAnnotation]: '["law"]' };
  const all = await bring('LlamaCpp', [named('m-0', ids), named('m-1', ids)]);
  expect(all.patched).toEqual({});
  expect(all.view?.verdict).toMatchObject({ status: 'True', reason: 'AdaptersLoaded' });
  const some = await bring('LlamaCpp', [named('m-0', ids), named('m-1')]);
  expect(some.view?.status).toEqual([{ name: 'law', loadedReplicas: 1 }]);
  expect(some.view?.verdict.message).toBe('Adapters are on their way to replica m-1.');
});
