import {
  type DemandState,
  type ModelDemand,
  modelKey,
  type PodDemand,
  type RevisionDemand,
  type TenantDemand,
} from '../../protocol/demand.ts';
import type { Catalog } from '../catalog/model.ts';
import type { DemandLedger } from './ledger.ts';

/** Where what is told comes from. */
export interface DemandSources {
  catalog: Pick<Catalog, 'models' | 'pods'>;
  /** By a pod's uid: its open requests, and prompt tokens not known to be computed. */
  load: { inFlight(uid: string): number; pendingTokens(uid: string): number };
  ledger: Pick<DemandLedger, 'of'>;
  /** Requests that wait, by key of their model. */
  waiting: ReadonlyMap<string, number>;
  tenants: readonly TenantDemand[];
  /** How revisions answer, where somebody wants to know. */
  revisions?: ReadonlyMap<string, RevisionDemand> | undefined;
}

/** What this router has to tell now. */
export function snapshotOf(sources: DemandSources): DemandState {
  const { catalog, load, tenants, revisions = new Map() } = sources;
  const pods = new Map<string, PodDemand>();
  const models = asked(sources);
  const told = [...catalog.pods.values()].flat();
  for (const { id: uid, namespace, deployment: name, departing: draining } of told) {
    const inFlight = load.inFlight(uid);
    if (inFlight === 0 && !draining) continue;
    const pendingTokens = Math.round(load.pendingTokens(uid));
    pods.set(uid, { uid, inFlight, draining, pendingTokens });
    if (inFlight === 0) continue;
    const key = modelKey({ namespace, name });
    const sum = models.get(key);
    models.set(key, {
      ...(sum ?? { namespace, name, held: 0, arrivals: 0 }),
      inFlight: (sum?.inFlight ?? 0) + inFlight,
      pendingTokens: (sum?.pendingTokens ?? 0) + pendingTokens,
    });
  }
  return {
    models,
    pods,
    tenants: new Map(tenants.map((tenant) => [tenant.name, tenant])),
    revisions,
  };
}

/** What clients asked of models, whether anything serves them or not. */
function asked({ catalog, ledger, waiting }: DemandSources): Map<string, ModelDemand> {
  const models = new Map<string, ModelDemand>();
  for (const { kind, key, namespace, name } of catalog.models) {
    const { arrivals = 0, standIns = 0 } = ledger.of(key) ?? {};
    if (kind !== 'ModelDeployment' || arrivals === 0) continue;
    const held = (waiting.get(key) ?? 0) + standIns;
    models.set(key, { namespace, name, inFlight: 0, held, pendingTokens: 0, arrivals });
  }
  return models;
}
