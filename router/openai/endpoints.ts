import type { Feature } from '../../crds/modeldeployment/features.ts';
import type { Operation } from '../../telemetry/contract/values.ts';
import type { Dialect } from './dialects.ts';
import type { StreamEnd } from './stream-end.ts';

/** A call that is answered by a replica of a model. */
export interface ModelEndpoint {
  readonly method: 'POST' | 'GET' | 'DELETE';
  /** Canonical path, which the engine is asked at; `{id}` is one segment. */
  readonly path: string;
  /** Another path that clients know it by. */
  readonly also?: string;
  /** Where the model is told: a body's field, or the replica that made the response of the path's id. */
  readonly modelIn: 'json' | 'multipart' | 'response-id';
  /** The model must offer one of these. */
  readonly features: readonly Feature[];
  readonly operation: Operation;
  readonly dialect: Dialect;
  /** What the engine ends a stream with. A stream that ends otherwise was cut off. */
  readonly streamEnd: StreamEnd;
  /** Engines keep its answers in memory, to be asked for by their ids. */
  readonly storesResponses?: true;
  /** For the reference page. */
  readonly summary: string;
}

const json = {
  method: 'POST',
  modelIn: 'json',
  dialect: 'openai',
  streamEnd: 'done-marker',
} as const;

const storedResponse = {
  modelIn: 'response-id',
  features: ['Chat'],
  operation: 'stored_response',
  dialect: 'openai',
  streamEnd: 'response-event',
} as const;

const generative = ['Chat', 'Completions'] as const;

/** Everything of an engine that clients can reach. What is not here does not exist for them. */
export const modelEndpoints: readonly ModelEndpoint[] = [
  {
    ...json,
    path: '/v1/chat/completions',
    features: ['Chat'],
    operation: 'chat',
    summary: 'Chat',
  },
  {
    ...json,
    path: '/v1/completions',
    features: ['Completions'],
    operation: 'text_completion',
    summary: 'Text completion',
  },
  {
    ...json,
    path: '/v1/embeddings',
    features: ['Embeddings'],
    operation: 'embeddings',
    summary: 'Embeddings',
  },
  {
    ...json,
    path: '/v1/responses',
    features: ['Chat'],
    operation: 'chat',
    streamEnd: 'response-event',
    storesResponses: true,
    summary: 'Responses; `previous_response_id` goes to the replica that made that response',
  },
  {
    ...storedResponse,
    method: 'GET',
    path: '/v1/responses/{id}',
    summary: 'A stored response, from the replica that made it',
  },
  {
    ...storedResponse,
    method: 'DELETE',
    path: '/v1/responses/{id}',
    summary: 'Delete a stored response',
  },
  {
    ...storedResponse,
    method: 'POST',
    path: '/v1/responses/{id}/cancel',
    summary: 'Cancel a response in the background',
  },
  {
    ...storedResponse,
    method: 'GET',
    path: '/v1/responses/{id}/input_items',
    summary: 'What a stored response was made from',
  },
  {
    ...json,
    path: '/v1/rerank',
    also: '/v2/rerank',
    features: ['Rerank'],
    operation: 'rerank',
    summary: 'Rerank, in Jina’s and Cohere’s form',
  },
  {
    ...json,
    path: '/v1/score',
    features: ['Score'],
    operation: 'score',
    summary: 'Similarity of pairs of texts',
  },
  {
    ...json,
    path: '/classify',
    features: ['Score'],
    operation: 'classify',
    summary: 'Classes of texts',
  },
  {
    ...json,
    path: '/pooling',
    features: ['Embeddings', 'Rerank', 'Score'],
    operation: 'pooling',
    summary: 'A pooling model’s output as it is',
  },
  {
    ...json,
    path: '/v1/audio/transcriptions',
    modelIn: 'multipart',
    features: ['Transcription'],
    operation: 'transcription',
    streamEnd: 'audio-event',
    summary: 'Speech to text',
  },
  {
    ...json,
    path: '/v1/audio/translations',
    modelIn: 'multipart',
    features: ['Transcription'],
    operation: 'translation',
    streamEnd: 'audio-event',
    summary: 'Speech to English text',
  },
  {
    ...json,
    path: '/v1/audio/speech',
    features: ['Speech'],
    operation: 'speech',
    streamEnd: 'audio-event',
    summary: 'Text to speech; the answer is sound',
  },
  {
    ...json,
    path: '/v1/images/generations',
    features: ['Images'],
    operation: 'image_generation',
    streamEnd: 'image-event',
    summary: 'Text to image',
  },
  {
    ...json,
    path: '/v1/images/edits',
    modelIn: 'multipart',
    features: ['Images'],
    operation: 'image_edit',
    streamEnd: 'image-event',
    summary: 'Image to image',
  },
  {
    ...json,
    path: '/v1/messages',
    features: ['Chat'],
    operation: 'chat',
    dialect: 'anthropic',
    streamEnd: 'message-stop',
    summary: 'Chat in Anthropic’s form',
  },
  {
    ...json,
    path: '/v1/messages/count_tokens',
    features: ['Chat'],
    operation: 'count_tokens',
    dialect: 'anthropic',
    summary: 'Tokens of a chat, in Anthropic’s form',
  },
  {
    ...json,
    path: '/tokenize',
    features: [...generative, 'Embeddings', 'Rerank', 'Score'],
    operation: 'tokenize',
    summary: 'Tokens of a text, in the engine’s form',
  },
  {
    ...json,
    path: '/detokenize',
    features: [...generative, 'Embeddings', 'Rerank', 'Score'],
    operation: 'detokenize',
    summary: 'Text of tokens, in the engine’s form',
  },
];
