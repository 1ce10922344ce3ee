import type { Catalog, Model } from '../catalog/model.ts';

/** A model as OpenAI's API lists it, with what Fairlead knows of it beside. */
export interface ModelCard {
  id: string;
  object: 'model';
  created: number;
  owned_by: string;
  fairlead: {
    namespace: string;
    state: 'ready' | 'starting' | 'not_ready';
    ready_replicas: number;
    desired_replicas: number;
    capabilities: string[];
  };
}

/** The card of a model under one of its names. */
export function modelCard(id: string, model: Model): ModelCard {
  const { ready, starting, desired } = model.counts;
  return {
    id,
    object: 'model',
    created: model.createdS,
    owned_by: 'fairlead',
    fairlead: {
      namespace: model.namespace,
      state: ready > 0 ? 'ready' : starting > 0 ? 'starting' : 'not_ready',
      ready_replicas: ready,
      desired_replicas: desired,
      capabilities: [...model.features],
    },
  };
}

/** The answer to GET /v1/models: every name that can be asked for, models without replicas among them. */
export function modelList(catalog: Catalog): { object: 'list'; data: ModelCard[] } {
  const data = [...catalog.byName].map(([id, model]) => modelCard(id, model));
  data.sort((a, b) => (a.id < b.id ? -1 : 1));
  return { object: 'list', data };
}
