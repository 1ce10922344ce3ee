import { beforeAll, expect, test } from 'vitest';
import {
  acceleratorProfile,
  conditionOf,
  type ModelDeploymentObject,
  type PodObject,
  skiff,
} from '../support/models.ts';
import { waitUntil } from '../support/wait-until.ts';
import { useContext } from './context.ts';

const context = useContext('e2e-scheduling');
const { kubectl } = context;
const rareResource = 'example.com/rare';
let nodeWithRare = '';

beforeAll(async () => {
  const nodes = await kubectl.getJson<{ items: { metadata: { name: string } }[] }>('nodes');
  nodeWithRare = nodes.items.at(-1)?.metadata.name ?? '';
  await kubectl.run([
    'patch',
    'node',
    nodeWithRare,
    '--subresource=status',
    '--type=merge',
    '-p',
    JSON.stringify({
      status: { capacity: { [rareResource]: '2' }, allocatable: { [rareResource]: '2' } },
    }),
  ]);
  await kubectl.apply(acceleratorProfile('rare', rareResource));
});

test('a pod is placed only where the accelerator is', async () => {
  await kubectl.apply(skiff('placed', { replicas: 2, accelerator: { profile: 'rare', count: 1 } }));
  await kubectl.waitFor('mdep/placed', 'jsonpath={.status.readyReplicas}=2');
  const { items } = await kubectl.getJson<{ items: PodObject[] }>(
    'pods',
    '-l',
    'fairlead.dev/model-deployment=placed',
  );
  expect(items.map((pod) => pod.spec.nodeName)).toEqual([nodeWithRare, nodeWithRare]);
});

test('with more replicas than devices the status says which cannot be scheduled and why', async () => {
  await kubectl.run(['scale', 'mdep/placed', '--replicas=3']);
  const { condition, pending } = await waitUntil('the status tells of it', async () => {
    const object = await kubectl.getJson<ModelDeploymentObject>('mdep', 'placed');
    const { items } = await kubectl.getJson<{ items: PodObject[] }>(
      'pods',
      '-l',
      'fairlead.dev/model-deployment=placed',
    );
    const scheduled = conditionOf(object, 'Scheduled');
    const pod = items.find(({ spec }) => spec.nodeName === undefined);
    return scheduled?.status === 'False' && pod !== undefined
      ? { condition: scheduled, pending: pod }
      : undefined;
  });
  expect(condition.message).toContain(pending.metadata.name);
  expect(condition.message).toContain(`Insufficient ${rareResource}`);

  const table = await kubectl.run(['get', 'mdep', 'placed']);
  expect(table).toMatch(/placed\s+placed\s+LlamaCpp\s+3\s+2\s+/);
  const description = await kubectl.run(['describe', 'mdep', 'placed']);
  expect(description).toContain(`Insufficient ${rareResource}`);
});

test('two ready replicas go on serving while the third waits', async () => {
  const completion = await context.openai().chat.completions.create({
    model: 'placed',
    messages: [{ role: 'user', content: 'Who are you?' }],
    temperature: 0,
  });
  expect(completion.choices[0]?.message.content).toContain('Skiff');
});
