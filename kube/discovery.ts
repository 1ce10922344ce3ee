import type { KubeClient } from './client.ts';
import { isNotFound } from './errors.ts';
import type { ResourceType } from './object.ts';

interface ResourceList {
  resources: { name: string; kind: string; namespaced: boolean }[];
}

/** The kinds that a group and version serves now, without subresources; none when it is not served. */
export async function servedKinds(
  client: KubeClient,
  { group, version }: Pick<ResourceType, 'group' | 'version'>,
): Promise<ResourceType[]> {
  const path = group ? `/apis/${group}/${version}` : `/api/${version}`;
  try {
    const { resources } = await client.getPath<ResourceList>(path);
    return resources
      .filter(({ name }) => !name.includes('/'))
      .map(({ name: plural, kind, namespaced }) => ({ group, version, kind, plural, namespaced }));
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}

/** Whether the server serves this kind now; a CRD may come and go. */
export async function isServed(client: KubeClient, type: ResourceType): Promise<boolean> {
  return (await servedKinds(client, type)).some(({ plural }) => plural === type.plural);
}
