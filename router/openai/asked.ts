import type { ModelEndpoint } from './endpoints.ts';
import { ApiError } from './errors.ts';
import type { ValueSpan } from './json-scan.ts';
import { type BodyHead, readJsonHead } from './model-name.ts';
import { boundaryOf, readMultipartHead } from './multipart.ts';
import type { Framing } from './splice.ts';

/** What a request's body asks for. */
export interface Asked {
  /** A name that the client sent, of the catalog or not. */
  readonly model: string;
  /** Where that name stands in the body; undefined: not in the body. */
  readonly modelSpan: ValueSpan | undefined;
  readonly framing: Framing;
  readonly stream: boolean;
  /** The response that this request continues. */
  readonly previousResponseId?: string;
  /** Where the value of `stream_options` stands in the body, if it does. */
  readonly streamOptionsSpan?: ValueSpan;
  /** Where the prompt stands in the body: its parts in the order in which engines render them. */
  readonly promptSpans?: readonly ValueSpan[];
  /** What the body says ties requests of one conversation together. */
  readonly sessionKey?: string;
}

/**
 * Reads from a body which model it asks.
 * @param contentType the request's header, which tells a multipart body's boundary
 * @throws ApiError invalid_json, invalid_multipart, unsupported_media_type or model_required
 */
export function readAsked(
  modelIn: Exclude<ModelEndpoint['modelIn'], 'response-id'>,
  body: Buffer,
  contentType: string | undefined,
): Asked {
  return modelIn === 'json'
    ? asked(readJsonHead(body), 'json')
    : asked(readMultipartHead(body, requireBoundary(contentType)), 'multipart');
}

function requireBoundary(contentType: string | undefined): string {
  const boundary = boundaryOf(contentType);
  if (boundary !== undefined) return boundary;
  throw new ApiError(
    'unsupported_media_type',
    'This endpoint takes a body of multipart/form-data, with its boundary in the Content-Type header.',
  );
}

function asked(head: BodyHead, framing: Framing): Asked {
  switch (head.kind) {
    case 'ok':
      return { ...head, framing };
    case 'malformed':
      throw new ApiError(framing === 'json' ? 'invalid_json' : 'invalid_multipart', head.reason);
    case 'no_model':
      throw new ApiError('model_required', 'You must provide a model parameter.', 'model');
    case 'model_not_a_string':
      throw new ApiError('model_required', 'The model parameter must be a string.', 'model');
  }
}
