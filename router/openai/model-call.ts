import type { Model } from '../catalog/model.ts';
import type { ClientRequest } from '../client-request.ts';
import { type Asked, readAsked } from './asked.ts';
import type { ModelEndpoint } from './endpoints.ts';
import { ApiError } from './errors.ts';
import type { ResponseIds } from './response-ids.ts';

/** What a request asks of which model. */
export interface ModelCall {
  readonly asked: Asked;
  /** Path to ask the engine at, without the query. */
  readonly path: string;
  /** The stored response that it is about, or continues. */
  readonly responseId: string | undefined;
}

/**
 * Reads what a request asks: of its body, or of the id in its path.
 * @throws ApiError of {@link readAsked}, or response_not_found
 */
export function readCall(
  endpoint: ModelEndpoint,
  request: ClientRequest,
  responseIds: ResponseIds,
): ModelCall {
  const { path, modelIn } = endpoint;
  if (modelIn !== 'response-id') {
    const asked = readAsked(modelIn, request.body, request.headers['content-type']);
    return { asked, path, responseId: asked.previousResponseId };
  }
  const at = path.split('/').indexOf('{id}');
  const responseId = decodeURIComponent(request.served?.path.split('/')[at] ?? '');
  const owner = responseIds.ownerOf(responseId);
  if (!owner) throw responseNotFound(responseId);
  const stream = /[?&]stream=true(?:&|$)/i.test(request.query);
  return {
    asked: { model: owner.model, modelSpan: undefined, framing: 'json', stream },
    path: path.replace('{id}', () => encodeURIComponent(responseId)),
    responseId,
  };
}

/**
 * The replica that alone can answer, because it holds the stored response. A response that a request
 * continues may be unknown here, having come by way of another router; its engine then says what it knows.
 * @returns undefined: any replica can
 * @throws ApiError response_not_found
 */
export function requiredReplica(
  endpoint: ModelEndpoint,
  { responseId }: ModelCall,
  model: Model,
  responseIds: ResponseIds,
): string | undefined {
  if (responseId === undefined) return undefined;
  const owner = responseIds.ownerOf(responseId)?.replicaId;
  if (owner !== undefined && model.replicas.some(({ id }) => id === owner)) return owner;
  if (endpoint.modelIn === 'response-id') throw responseNotFound(responseId);
  return undefined;
}

function responseNotFound(id: string): ApiError {
  const shown = id.length > 100 ? `${id.slice(0, 100)}…` : id;
  return new ApiError(
    'response_not_found',
    `No replica is known to hold a response with id \`${shown}\`.`,
    'response_id',
  );
}
