import { adapterIdsAnnotation } from '../../crds/labels.ts';
import type { Pod } from '../../kube/resources.ts';
import type { AdapterReport } from './protocol.ts';

/** The adapters that a serving pod without an agent has: those that its engine was started with. */
export function hadFromStart({ metadata: { annotations } }: Pod): AdapterReport[] {
  const names: string[] = JSON.parse(annotations?.[adapterIdsAnnotation] ?? '[]');
  return names.map((name) => ({ name, state: 'loaded' }));
}
