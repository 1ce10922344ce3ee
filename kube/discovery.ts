import type { KubeClient } from './client.ts';
import { isNotFound } from './errors.ts';
import type { ResourceType } from './object.ts';

/** Whether the server serves this kind now; a CRD may come and go. */
export async function isServed(client: KubeClient, type: ResourceType): Promise<boolean> {
  const { group, version, plural } = type;
  const path = group ? `/apis/${group}/${version}` : `/api/${version}`;
  try {
    const { resources } = await client.getPath<{ resources: { name: string }[] }>(path);
    return resources.some(({ name }) => name === plural);
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
