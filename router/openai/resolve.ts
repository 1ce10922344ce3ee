import type { Feature } from '../../crds/modeldeployment/features.ts';
import type { Catalog, Model } from '../catalog/model.ts';
import { ApiError } from './errors.ts';
import { readBodyHead } from './model-name.ts';
import { nearestNames } from './nearest.ts';

/** How many names an error message proposes. */
const proposals = 3;

/** What a request's body asks for. */
export interface Asked {
  /** A name that the client sent, of the catalog or not. */
  model: string;
  stream: boolean;
}

/**
 * Reads from a JSON body which model it asks.
 * @throws ApiError invalid_json or model_required
 */
export function readAsked(body: Buffer | undefined): Asked {
  const head = readBodyHead(body ?? Buffer.alloc(0));
  switch (head.kind) {
    case 'ok':
      return head;
    case 'bad_json':
      throw new ApiError('invalid_json', `The body is not valid JSON (at byte ${head.offset}).`);
    case 'not_an_object':
      throw new ApiError('invalid_json', 'The body must be a JSON object.');
    case 'no_model':
      throw new ApiError('model_required', 'You must provide a model parameter.', 'model');
    case 'model_not_a_string':
      throw new ApiError('model_required', 'The model parameter must be a string.', 'model');
  }
}

/**
 * Finds a model by the name a client sent.
 * @throws ApiError model_not_found, which names those that are most like it
 */
export function findModel(catalog: Catalog, name: string): Model {
  const model = catalog.byName.get(name);
  if (model) return model;
  const near = nearestNames(name, catalog.byName.keys(), proposals);
  const hint =
    near.length > 0
      ? ` Did you mean ${near.map((candidate) => `\`${candidate}\``).join(', ')}?`
      : ' GET /v1/models lists the models there are.';
  const shown = name.length > 200 ? `${name.slice(0, 200)}…` : name;
  throw new ApiError('model_not_found', `The model \`${shown}\` does not exist.${hint}`, 'model');
}

/**
 * Checks that a model offers what an endpoint is for.
 * @throws ApiError feature_not_supported
 */
export function requireFeature(model: Model, feature: Feature, path: string): void {
  if (model.features.has(feature)) return;
  const offered = [...model.features].join(', ');
  throw new ApiError(
    'feature_not_supported',
    `The model ${model.servedName} does not offer ${feature}, which ${path} is for. It offers: ${offered}.`,
    'model',
  );
}
