import {
  adapterIdsAnnotation,
  engineContainer,
  loadedAdaptersAnnotation,
} from '../../crds/labels.ts';
import type { Pod } from '../../kube/resources.ts';

/**
 * The adapters that a pod's engine had from its start, in the order of their ids. Undefined: it is an engine that
 * gets them while it serves, or has none.
 */
export function adapterIds({ metadata }: Pod): readonly string[] | undefined {
  const text = metadata.annotations?.[adapterIdsAnnotation];
  if (text === undefined) return undefined;
  const names = parsed(text);
  return Array.isArray(names) ? names : [];
}

/**
 * The adapters that a pod's engine serves, as the operator has written them to it. They are of one container:
 * an engine that was restarted has none until the operator says so again. Undefined: none.
 */
export function loadedAdapters({ metadata, status }: Pod): ReadonlySet<string> | undefined {
  const text = metadata.annotations?.[loadedAdaptersAnnotation];
  if (text === undefined) return undefined;
  const { container, names } = parsed(text) as { container?: string; names?: string[] };
  const now = status?.containerStatuses?.find(({ name }) => name === engineContainer);
  const isSame = now?.containerID !== undefined && now.containerID === container;
  return isSame ? new Set(names) : undefined;
}

/** An empty object for what is no JSON: somebody else has written it. */
function parsed(text: string): object {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
