import { expect, test } from 'vitest';
import { type ModelDeploymentStatus, ModelDeployments } from '../../crds/modeldeployment.ts';
import { waitUntil } from '../support/wait-until.ts';
import { useApiServer } from './api-server.ts';
import { modelDeployment } from './objects.ts';

const api = useApiServer('crds-scale');
const ref = (name: string) => ({ namespace: 'default', name });

const status: ModelDeploymentStatus = {
  observedGeneration: 1,
  replicas: 1,
  readyReplicas: 1,
  updatedReplicas: 1,
  availableReplicas: 1,
  terminatingReplicas: 0,
  selector: 'fairlead.dev/model-deployment=scaled',
  servedNames: ['org/scaled'],
  conditions: [
    {
      type: 'Ready',
      status: 'True',
      reason: 'Ready',
      message: 'All is well.',
      observedGeneration: 1,
      lastTransitionTime: '2026-11-21T12:00:00Z',
    },
  ],
};

async function create(name: string): Promise<void> {
  await api.client().create(ModelDeployments, modelDeployment(name));
  await api.client().apply(ModelDeployments, { metadata: ref(name), status } as never, {
    fieldManager: 'test',
    subresource: 'status',
  });
}

const replicas = async (name: string) =>
  (await api.client().get(ModelDeployments, ref(name))).spec.replicas;

test('kubectl scale writes spec.replicas, and the scale has replicas and selector of the status', async () => {
  await create('scaled');
  await api.kubectl().run(['scale', 'mdep/scaled', '--replicas=4', '--current-replicas=1']);
  expect(await replicas('scaled')).toBe(4);
  const scale = await api
    .kubectl()
    .getJson<{ spec: object; status: object }>('mdep', 'scaled', '--subresource=scale');
  expect(scale).toMatchObject({
    spec: { replicas: 4 },
    status: { replicas: 1, selector: 'fairlead.dev/model-deployment=scaled' },
  });
});

test('the scale has the bounds of spec.replicas', async () => {
  await create('bounded');
  const tooMany = api.kubectl().run(['scale', 'mdep/bounded', '--replicas=1001']);
  await expect(tooMany).rejects.toThrow(/spec\.replicas.*less than or equal to 1000/s);
});

test('a HorizontalPodAutoscaler drives it', async () => {
  await create('autoscaled');
  await api.kubectl().apply({
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'autoscaled' },
    spec: {
      scaleTargetRef: {
        apiVersion: 'fairlead.dev/v1alpha1',
        kind: 'ModelDeployment',
        name: 'autoscaled',
      },
      minReplicas: 3,
      maxReplicas: 5,
      metrics: [
        {
          type: 'Pods',
          pods: { metric: { name: 'x' }, target: { type: 'AverageValue', averageValue: '1' } },
        },
      ],
    },
  });
  await waitUntil('the HPA has brought it to its minimum', async () =>
    (await replicas('autoscaled')) === 3 ? true : undefined,
  );
  const hpa = await waitUntil('the HPA could read the scale and its selector', async () => {
    const object = await api
      .kubectl()
      .getJson<{ status?: { conditions?: { type: string; status: string; reason: string }[] } }>(
        'hpa',
        'autoscaled',
      );
    const able = object.status?.conditions?.find(({ type }) => type === 'AbleToScale');
    return able?.status === 'True' ? able : undefined;
  });
  expect(hpa.reason).toMatch(/^Succeeded/);
});

test('the columns tell the story', async () => {
  await create('columns');
  const [head = '', row = ''] = (await api.kubectl().run(['get', 'mdep', 'columns'])).split('\n');
  expect(head.split(/\s{2,}/).map((cell) => cell.trim())).toEqual([
    'NAME',
    'MODEL',
    'ENGINE',
    'DESIRED',
    'READY',
    'UPDATED',
    'AGE',
    'STATUS',
  ]);
  expect(row).toMatch(/^columns\s+org\/scaled\s+LlamaCpp\s+1\s+1\s+1\s+\S+\s+Ready\s*$/);
  const wide = await api.kubectl().run(['get', 'mdep', 'columns', '-o', 'wide']);
  expect(wide).toMatch(/SOURCE\s+ACCELERATOR\s+MESSAGE/);
  expect(wide).toMatch(/oci:\/\/local\.test\/skiff:1\s+cpu\s+All is well\./);
});
