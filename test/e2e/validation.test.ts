import { expect, test } from 'vitest';
import { conditionOf, type ModelDeploymentObject, skiff } from '../support/models.ts';
import { waitUntil } from '../support/wait-until.ts';
import { useContext } from './context.ts';

const context = useContext('e2e-validation');
const { kubectl } = context;

test.each([
  ['source.uri', { source: { uri: 'ftp://example.com/model' } }, /spec\.source\.uri.*oci:\/\//s],
  ['engine.type', { engine: { type: 'Abacus' } }, /spec\.engine\.type.*LlamaCpp/s],
  ['replicas', { replicas: -1 }, /spec\.replicas.*greater than or equal to 0/s],
  ['an unknown field', { sauce: 'hot' }, /ModelDeployment\.spec.*unknown field "sauce"/],
])('the API server refuses a bad spec and names the field: %s', async (_field, spec, message) => {
  await expect(kubectl.apply(skiff('refused', spec))).rejects.toThrow(message);
});

test('a profile that does not exist becomes a condition that names it, and heals when it appears', async () => {
  await kubectl.apply(skiff('later', { accelerator: { profile: 'not-yet-there', count: 1 } }));
  const refused = await waitUntil('the condition', async () => {
    const object = await kubectl.getJson<ModelDeploymentObject>('mdep', 'later');
    const accepted = conditionOf(object, 'Accepted');
    return accepted?.status === 'False' ? accepted : undefined;
  });
  expect(refused.message).toContain('not-yet-there');
  await kubectl.apply({
    apiVersion: 'fairlead.dev/v1alpha1',
    kind: 'AcceleratorProfile',
    metadata: { name: 'not-yet-there' },
    spec: { resourceName: 'example.com/gpu' },
  });
  await kubectl.waitFor('mdep/later', 'condition=Ready');
});

test('the newer of two objects that claim one name is told whose it is', async () => {
  await kubectl.apply(skiff('first', { servedName: 'shared' }));
  await kubectl.waitFor('mdep/first', 'condition=Accepted');
  await kubectl.apply(skiff('second', { servedName: 'shared' }));
  const conflict = await waitUntil('the condition', async () => {
    const object = await kubectl.getJson<ModelDeploymentObject>('mdep', 'second');
    const accepted = conditionOf(object, 'Accepted');
    return accepted?.status === 'False' ? accepted : undefined;
  });
  expect(conflict.reason).toBe('NameConflict');
  expect(conflict.message).toContain(`${context.namespace}/first`);
});
