import type { Feature } from '../../crds/modeldeployment/features.ts';
import type { Catalog } from '../catalog/model.ts';
import { type Target, targetOf } from '../catalog/target.ts';
import type { ModelEndpoint } from './endpoints.ts';
import { ApiError } from './errors.ts';
import { nearestNames } from './nearest.ts';

/** How many names an error message proposes. */
const proposals = 3;

/** Which names a client may ask for. */
export interface Viewer {
  mayUse(modelName: string): boolean;
}

/**
 * Finds what a name that a client sent leads to. A name that the client may not use is refused whether
 * there is such a model or not, so that the answer tells nothing.
 * @throws ApiError model_not_allowed; model_not_found, which names those that are most like it
 */
export function findVisible(catalog: Catalog, name: string, viewer: Viewer): Target {
  const shown = name.length > 200 ? `${name.slice(0, 200)}…` : name;
  if (!viewer.mayUse(name)) {
    const message = `This API key may not use the model \`${shown}\`.`;
    throw new ApiError('model_not_allowed', message, 'model');
  }
  const target = targetOf(catalog, name);
  if (target) return target;
  const visible = [...catalog.byName.keys()].filter((one) => viewer.mayUse(one));
  const near = nearestNames(name, visible, proposals);
  const hint =
    near.length > 0
      ? ` Did you mean ${near.map((candidate) => `\`${candidate}\``).join(', ')}?`
      : ' GET /v1/models lists the models there are.';
  throw new ApiError('model_not_found', `The model \`${shown}\` does not exist.${hint}`, 'model');
}

/** Whether a model with these features answers an endpoint. */
export function offers(features: ReadonlySet<Feature>, endpoint: ModelEndpoint): boolean {
  return endpoint.features.some((feature) => features.has(feature));
}

/** Where llama-server 0.7 reads `lora`: /v1/messages does not hand it on, and embeddings are the model's own. */
export const llamaCppAdapterPaths: ReadonlySet<string> = new Set([
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/responses',
]);

/** Whether a model or an adapter answers an endpoint. */
export function answers({ model, adapter }: Target, endpoint: ModelEndpoint): boolean {
  if (!offers(model.features, endpoint)) return false;
  return (
    adapter === undefined || model.runtime !== 'llamacpp' || llamaCppAdapterPaths.has(endpoint.path)
  );
}

/**
 * Checks that a model offers what an endpoint is for. The answer is 400 and not 404: the model is there,
 * and clients that meet a 404 conclude that its name is wrong.
 * @throws ApiError feature_not_supported
 */
export function requireFeature(target: Target, endpoint: ModelEndpoint): void {
  if (answers(target, endpoint)) return;
  const { model, name } = target;
  if (offers(model.features, endpoint))
    throw new ApiError(
      'feature_not_supported',
      `The engine of ${model.servedName} answers ${endpoint.path} without adapters. Ask for ${model.servedName}, or for ${name} at ${[...llamaCppAdapterPaths].join(', ')}.`,
      'model',
    );
  const wanted = endpoint.features.join(' or ');
  const offered = [...model.features].join(', ');
  throw new ApiError(
    'feature_not_supported',
    `The model ${model.servedName} does not offer ${wanted}, which ${endpoint.path} is for. It offers: ${offered}.`,
    'model',
  );
}
