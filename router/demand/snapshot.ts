import {
  type DemandState,
  type ModelDemand,
  modelKey,
  type PodDemand,
} from '../../protocol/demand.ts';
import type { ModelPod } from '../catalog/model.ts';

/** What this router knows of one pod's load. */
interface PodLoad {
  /** Open requests at a pod, by its uid. */
  inFlight(uid: string): number;
  /** Prompt tokens sent there and not known to be computed. */
  pendingTokens(uid: string): number;
}

/** What this router has to tell now. */
export function snapshotOf(pods: readonly ModelPod[], load: PodLoad): DemandState {
  const told = new Map<string, PodDemand>();
  const models = new Map<string, ModelDemand>();
  for (const { id: uid, namespace, deployment: name, departing: draining } of pods) {
    const inFlight = load.inFlight(uid);
    if (inFlight === 0 && !draining) continue;
    const pendingTokens = Math.round(load.pendingTokens(uid));
    told.set(uid, { uid, inFlight, draining, pendingTokens });
    if (inFlight === 0) continue;
    const key = modelKey({ namespace, name });
    const sum = models.get(key);
    models.set(key, {
      ...{ namespace, name, held: 0, arrivals: 0 },
      inFlight: (sum?.inFlight ?? 0) + inFlight,
      pendingTokens: (sum?.pendingTokens ?? 0) + pendingTokens,
    });
  }
  return { models, pods: told, tenants: new Map() };
}
