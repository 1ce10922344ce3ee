import type { Intent, KubeObject } from '../object.ts';
import { served } from '../resources.ts';

/** A kind for tests, with whatever spec. */
export interface Widget extends KubeObject {
  spec: { size?: number; text?: string };
}

export const Widgets = served<Widget>('example.com/v1', 'Widget');
export const Nodes = served('v1', 'Node', { namespaced: false });
export const Namespaces = served('v1', 'Namespace', { namespaced: false });

/** The collection of {@link Widgets} in a scripted server. */
export const widgets = '/apis/example.com/v1/widgets';

export function widget(name: string, size = 0, namespace = 'default'): Intent<Widget> {
  return { metadata: { name, namespace }, spec: { size } };
}
