import { adaptersAnnotation, loadedAdaptersAnnotation } from '../../crds/labels.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isNotFound, KubeApiError } from '../../kube/errors.ts';
import { type Pod, Pods } from '../../kube/resources.ts';
import type { HeardReport } from './agents.ts';
import { adapterOf } from './wanted.ts';

/**
 * What a pod's annotations have to be: what it is to serve, for its agent, and what its engine serves, for the
 * routers. Only what has to change; undefined when nothing has. Pure.
 */
export function annotationsFor(
  { metadata: { annotations = {} } }: Pod,
  wanted: string,
  report: HeardReport | undefined,
): Record<string, string> | undefined {
  const loaded = report && loadedText(report);
  const changes: Record<string, string> = {
    ...(annotations[adaptersAnnotation] !== wanted && { [adaptersAnnotation]: wanted }),
    ...(loaded !== undefined &&
      annotations[loadedAdaptersAnnotation] !== loaded && { [loadedAdaptersAnnotation]: loaded }),
  };
  return Object.keys(changes).length > 0 ? changes : undefined;
}

function loadedText({ container, adapters }: HeardReport): string {
  const loaded = adapters.filter(({ state }) => state === 'loaded');
  return JSON.stringify({ container, names: loaded.map(({ name }) => adapterOf(name)).sort() });
}

/** Writes them, unless the pod is gone or another one by now. */
export async function annotate(
  pod: Pod,
  annotations: Readonly<Record<string, string>>,
  using: { client: KubeClient; fieldManager: string; signal: AbortSignal },
): Promise<void> {
  const { client, fieldManager, signal } = using;
  const { name, namespace, uid } = pod.metadata;
  const options = { patchType: 'merge', fieldManager, signal } as const;
  try {
    await client.patch(Pods, { namespace, name }, { metadata: { uid, annotations } }, options);
  } catch (error) {
    const isAnother = error instanceof KubeApiError && error.status === 409;
    if (!isAnother && !isNotFound(error)) throw error;
  }
}
