import type { Intent, KubeObject, ResourceType } from '../object.ts';

/** A kind for tests, with whatever spec. */
export interface Widget extends KubeObject {
  spec: { size?: number; text?: string };
}

export const Widgets: ResourceType<Widget> = {
  group: 'example.com',
  version: 'v1',
  kind: 'Widget',
  plural: 'widgets',
  namespaced: true,
};

/** The collection of {@link Widgets} in a scripted server. */
export const widgets = '/apis/example.com/v1/widgets';

export function widget(name: string, size = 0, namespace = 'default'): Intent<Widget> {
  return { metadata: { name, namespace }, spec: { size } };
}
