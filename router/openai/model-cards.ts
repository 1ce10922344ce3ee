import type { Findings } from '../../crds/modeldeployment/capabilities.ts';
import type { Catalog } from '../catalog/model.ts';
import { type Target, targetOf } from '../catalog/target.ts';

/** A model as OpenAI's API lists it, with what Fairlead knows of it beside. */
export interface ModelCard {
  id: string;
  object: 'model';
  created: number;
  owned_by: string;
  /** The name it is listed under first; an alias and an adapter have that of their model. */
  root: string;
  /** The model that an adapter belongs to. */
  parent: string | null;
  fairlead: {
    namespace: string;
    state: 'ready' | 'starting' | 'not_ready';
    ready_replicas: number;
    desired_replicas: number;
    /** What it is for: `spec.engine.features`. */
    features: string[];
    /** What the operator's probe found to work, and what not; absent before that. */
    capabilities?: Findings | undefined;
  };
}

/** The card of a model under one of its names, or of one of its adapters. */
export function modelCard({ name, model, adapter }: Target): ModelCard {
  const { ready, starting, desired } = model.counts;
  return {
    id: name,
    object: 'model',
    created: model.createdS,
    owned_by: 'fairlead',
    root: model.servedName,
    parent: adapter === undefined ? null : model.servedName,
    fairlead: {
      namespace: model.namespace,
      state: ready > 0 ? 'ready' : starting > 0 ? 'starting' : 'not_ready',
      ready_replicas: ready,
      desired_replicas: desired,
      features: [...model.features],
      capabilities: model.capabilities,
    },
  };
}

/**
 * The answer to GET /v1/models: every name that a client may ask for, models without replicas among them.
 */
export function modelList(
  catalog: Catalog,
  mayUse: (name: string) => boolean,
): { object: 'list'; data: ModelCard[] } {
  const names = [...catalog.byName.keys()].filter(mayUse);
  const targets = names.flatMap((name) => targetOf(catalog, name) ?? []);
  const data = targets.map(modelCard);
  data.sort((a, b) => (a.id < b.id ? -1 : 1));
  return { object: 'list', data };
}
