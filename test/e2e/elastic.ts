import type { Kubectl } from '../support/kubectl.ts';
import {
  conditionOf,
  type ModelDeploymentObject,
  type PodObject,
  skiff,
} from '../support/models.ts';
import { waitUntil } from '../support/wait-until.ts';

/** Such an object scales from zero and back within seconds. */
const autoscaling = {
  minReplicas: 0,
  maxReplicas: 1,
  target: { inFlightPerReplica: 2 },
  scaleUpWindow: '2s',
  scaleDownWindow: '3s',
  idleTimeout: '5s',
};

/** The Skiff model at zero replicas, with autoscaling by short windows. */
export function elastic(
  name: string,
  scaling: Record<string, unknown> = {},
  spec: Record<string, unknown> = {},
): object {
  return skiff(name, { ...spec, autoscaling: { ...autoscaling, ...scaling } });
}

export async function podsOf(kubectl: Kubectl, name: string): Promise<PodObject[]> {
  const selector = `fairlead.dev/model-deployment=${name}`;
  return (await kubectl.getJson<{ items: PodObject[] }>('pods', '-l', selector)).items;
}

/** Waits until the object is at zero by choice and has no pod left. */
export async function untilAtZero(kubectl: Kubectl, name: string): Promise<void> {
  await waitUntil(
    `${name} is at zero`,
    async () => {
      const object = await kubectl.getJson<ModelDeploymentObject>('mdep', name);
      const isAtZero =
        object.spec.replicas === 0 &&
        conditionOf(object, 'Available')?.reason === 'ScaledToZero' &&
        (await podsOf(kubectl, name)).length === 0;
      return isAtZero ? true : undefined;
    },
    120_000,
  );
}

/** Makes every node, or only this one, offer an extended resource. */
export async function offer(
  kubectl: Kubectl,
  resource: string,
  count: number,
  only?: string,
): Promise<void> {
  const { items } = await kubectl.getJson<{ items: { metadata: { name: string } }[] }>('nodes');
  const amount = { [resource]: String(count) };
  const patch = JSON.stringify({ status: { capacity: amount, allocatable: amount } });
  for (const { metadata } of items)
    if (only === undefined || only === metadata.name)
      await kubectl.run([
        'patch',
        'node',
        metadata.name,
        '--subresource=status',
        '--type=merge',
        '-p',
        patch,
      ]);
}
