import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { llamaCpp } from '../engines/llamacpp.ts';
import { modelDeployment } from '../testing/fixtures.ts';
import { weightsOf } from '../weights/schemes.ts';
import { podName, type Resolved, renderPod } from './pod.ts';

const identity = { revision: '0123abcd', slot: 3, attempt: 0 };

function render(spec: Record<string, unknown> = {}, rest: Partial<Resolved> = {}, attempt = 0) {
  const deployment = modelDeployment(spec);
  const weights = weightsOf(deployment.spec.source.uri);
  if (!weights) throw new Error('no weights');
  const resolved = { engine: llamaCpp, image: 'llama:1', weights, profile: undefined, ...rest };
  return renderPod(deployment, resolved, { ...identity, attempt });
}

const yaml = (value: object) => stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
const golden = (name: string) => `golden/${name}.yaml`;

test('LlamaCpp on the CPU, with nothing said', async () => {
  await expect(yaml(render())).toMatchFileSnapshot(golden('llamacpp-cpu'));
});

test('LlamaCpp with everything said, on an accelerator', async () => {
  const spec = {
    servedName: 'org/skiff:1',
    source: { uri: 'oci://registry.example/skiff@sha256:abc?file=weights/q4.gguf' },
    engine: {
      type: 'LlamaCpp',
      args: ['--no-mmap'],
      env: [
        { name: 'HOME', value: '/elsewhere' },
        { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'hub', key: 'token' } } },
      ],
      contextLength: 4096,
      maxConcurrency: 8,
      features: ['Chat', 'Embeddings'],
    },
    accelerator: { profile: 'nvidia', count: 2 },
    resources: { requests: { cpu: 1, memory: '4Gi' }, limits: { cpu: '1500m', memory: '8Gi' } },
  };
  const profile = {
    resourceName: 'nvidia.com/gpu',
    nodeSelector: { 'node.example/pool': 'gpu' },
    tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }] as const,
    runtimeClassName: 'nvidia',
  };
  const pod = render(spec, { profile: { ...profile, tolerations: [...profile.tolerations] } }, 2);
  await expect(yaml(pod)).toMatchFileSnapshot(golden('llamacpp-gpu'));
});

test('the longest allowed name still makes a pod name that is a label and a host name', () => {
  const name = podName('m'.repeat(40), { ...identity, slot: 99_999 });
  expect(name.length).toBeLessThanOrEqual(63);
});
