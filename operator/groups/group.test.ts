import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { engines } from '../engines/engines.ts';
import { renderTemplate } from '../modeldeployment/pod.ts';
import { modelDeployment } from '../testing/fixtures.ts';
import { weightsFor } from '../testing/weights.ts';
import { replicaGroup } from './group.ts';

const identity = { revision: '0123abcd', slot: 3, attempt: 1 };

function group(spec: Record<string, unknown>) {
  const deployment = modelDeployment({
    engine: { type: 'vLLM' },
    accelerator: { profile: 'nvidia', count: 8 },
    nodes: 2,
    ...spec,
  });
  const engine = engines[deployment.spec.engine.type];
  const profile = { resourceName: 'nvidia.com/gpu' };
  const weights = weightsFor(deployment);
  const template = renderTemplate(deployment, { engine, image: 'engine:1', weights, profile });
  return replicaGroup(deployment, template, template.worker!, identity);
}

/** Of the hosts of a group, what their engines are told. */
const argsOf = (spec: Record<string, unknown>) => {
  const { leaderTemplate, workerTemplate } = group(spec).spec!.leaderWorkerTemplate;
  return [leaderTemplate, workerTemplate].map(({ spec: of }) => of.containers[0]?.args?.join(' '));
};

test('vLLM on two hosts', async () => {
  const yaml = stringify(group({}), { lineWidth: 0, aliasDuplicateObjects: false });
  await expect(yaml).toMatchFileSnapshot('golden/vllm-group.yaml');
});

test('tensor parallel is as many as the accelerators of a host, pipeline parallel the hosts', () => {
  const [leader, worker] = argsOf({ nodes: 4 });
  expect(leader).toContain('--tensor-parallel-size 8 --pipeline-parallel-size 4 --nnodes 4');
  expect(worker).toBe(`${leader} --headless`);
});

test('the arguments may share it out in another way', () => {
  const args = ['--pipeline-parallel-size=1', '-tp', '16'];
  const [leader] = argsOf({ engine: { type: 'vLLM', args } });
  expect(leader?.match(/-tp|--(tensor|pipeline)-parallel-size/g)).toHaveLength(2);
});

test('a replica of one host is no group', () => {
  const deployment = modelDeployment({ engine: { type: 'vLLM' } });
  const weights = weightsFor(deployment);
  const resolved = { engine: engines.vLLM, image: 'engine:1', weights, profile: undefined };
  expect(renderTemplate(deployment, resolved).worker).toBeUndefined();
});
