import {
  type DemandState,
  type ModelDemand,
  modelKey,
  type PodDemand,
} from '../../protocol/demand.ts';
import type { ModelPod } from '../catalog/model.ts';

/**
 * What this router has to tell now.
 * @param inFlight open requests at a pod, by its uid
 */
export function snapshotOf(
  pods: readonly ModelPod[],
  inFlight: (uid: string) => number,
): DemandState {
  const told = new Map<string, PodDemand>();
  const models = new Map<string, ModelDemand>();
  for (const { id: uid, namespace, deployment: name, departing: draining } of pods) {
    const open = inFlight(uid);
    if (open > 0 || draining) told.set(uid, { uid, inFlight: open, draining });
    if (open === 0) continue;
    const key = modelKey({ namespace, name });
    const sum = (models.get(key)?.inFlight ?? 0) + open;
    models.set(key, { namespace, name, inFlight: sum });
  }
  return { models, pods: told };
}
