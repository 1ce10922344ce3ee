import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { podTemplateSpec } from '../../crds/modeldeployment/pod-template.ts';
import { vllm } from '../engines/vllm.ts';
import { modelDeployment } from '../testing/fixtures.ts';
import { weightsFor } from '../testing/weights.ts';
import { renderTemplate } from './pod.ts';
import { templateProblem } from './pod-template.ts';
import { replicaPod } from './replica-pod.ts';

function render(podTemplate: object) {
  const deployment = modelDeployment({ engine: { type: 'vLLM' }, podTemplate });
  const weights = weightsFor(deployment);
  const profile = {
    resourceName: 'nvidia.com/gpu',
    nodeSelector: { pool: 'gpu', zone: 'a' },
    tolerations: [{ key: 'gpu' }],
    runtimeClassName: 'nvidia',
  };
  const resolved = { engine: vllm, image: 'vllm:1', weights, profile };
  return replicaPod(deployment, renderTemplate(deployment, resolved), {
    revision: '0123abcd',
    slot: 0,
    attempt: 1,
  });
}

test('it is merged in as kubectl patch would', async () => {
  const pod = render({
    metadata: { labels: { team: 'a' }, annotations: { 'example.com/scrape': 'true' } },
    spec: {
      nodeSelector: { zone: 'b' },
      tolerations: [{ key: 'spot', operator: 'Exists' }],
      affinity: { nodeAffinity: {} },
      topologySpreadConstraints: [{ maxSkew: 1 }],
      priorityClassName: 'high',
      runtimeClassName: 'kata',
      schedulerName: 'other',
      serviceAccountName: 'models',
      imagePullSecrets: [{ name: 'registry' }],
      securityContext: { runAsUser: 1000, supplementalGroups: [44] },
      volumes: [{ name: 'kernels', persistentVolumeClaim: { claimName: 'kernels' } }],
      initContainers: [{ name: 'proxy', image: 'proxy:1', restartPolicy: 'Always' }],
      containers: [
        {
          name: 'engine',
          volumeMounts: [{ name: 'kernels', mountPath: '/cache' }],
          securityContext: { readOnlyRootFilesystem: false },
        },
        { name: 'logs', image: 'logs:1' },
      ],
    },
  });
  const yaml = stringify(pod, { lineWidth: 0, aliasDuplicateObjects: false });
  await expect(yaml).toMatchFileSnapshot('golden/pod-template.yaml');
});

test('a volume where the engine writes takes the place of the empty one', () => {
  const mount = { name: 'kernels', mountPath: '/cache' };
  const { spec } = render({ spec: { containers: [{ name: 'engine', volumeMounts: [mount] }] } });
  const mounts = spec?.containers[0]?.volumeMounts ?? [];
  expect(mounts.filter(({ mountPath }) => mountPath === '/cache')).toEqual([mount]);
  expect(mounts.map(({ mountPath }) => mountPath)).toEqual([
    '/models',
    '/tmp',
    '/dev/shm',
    '/cache',
  ]);
});

const engine = (rest: object) => ({ spec: { containers: [{ name: 'engine', ...rest }] } });
test.each<[object, RegExp]>([
  [
    { metadata: { labels: { 'fairlead.dev/slot': '9' } } },
    /^spec\.podTemplate\.metadata\.labels: fairlead\.dev\/slot is Fairlead's/,
  ],
  [
    { metadata: { annotations: { 'fairlead.dev/draining': 'now' } } },
    /^spec\.podTemplate\.metadata\.annotations: fairlead\.dev\/draining is/,
  ],
  [
    { metadata: { labels: { 'app.kubernetes.io/managed-by': 'me' } } },
    /managed-by is Fairlead's; remove it/,
  ],
  [engine({ image: 'x' }), /containers\[engine\]\.image is refused\. Use spec\.engine\.image/],
  [engine({ env: [] }), /\.env is refused\. Use spec\.engine\.env/],
  [engine({ resources: {} }), /\.resources is refused\. Use spec\.resources/],
  [engine({ ports: [] }), /\.ports is refused\. Fairlead sets it; remove it/],
  [engine({ readinessProbe: {} }), /\.readinessProbe is refused\. Fairlead sets it/],
  [engine({ lifecycle: {} }), /\.lifecycle is refused/],
  [
    engine({ volumeMounts: [{ name: 'x', mountPath: '/models/x' }] }),
    /volumeMounts: \/models\/x holds the weights/,
  ],
  [
    { spec: { volumes: [{ name: 'root', hostPath: { path: '/' } }] } },
    /^spec\.podTemplate\.spec\.volumes\[root\]\.hostPath: \/ is not below a folder/,
  ],
])('%j is refused', (template, says) => {
  expect(templateProblem(podTemplateSpec.parse(template), () => false)).toMatch(says);
});

test('what is the user’s passes', () => {
  const template = {
    metadata: { labels: { app: 'x' } },
    spec: {
      volumes: [{ name: 'v', hostPath: { path: '/srv' } }],
      containers: [{ name: 'sidecar', image: 'x', env: [] }],
    },
  };
  expect(templateProblem(podTemplateSpec.parse(template), () => true)).toBeUndefined();
});
