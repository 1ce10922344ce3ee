import type { EngineType } from './engine.ts';

/** What a model can be asked for; docs/reference/endpoints.md says which endpoint needs which. */
export const features = [
  'Chat',
  'Completions',
  'Embeddings',
  'Rerank',
  'Score',
  'Transcription',
  'Speech',
  'Images',
] as const;
export type Feature = (typeof features)[number];

const generation: readonly Feature[] = ['Chat', 'Completions'];

/** What each engine offers for a usual model without being told. */
const defaults: Readonly<Partial<Record<EngineType, readonly Feature[]>>> = {
  // Answers embeddings from any model, without a flag.
  Ollama: [...generation, 'Embeddings'],
};

/** What a model offers: what the user listed, else what its engine offers for a usual model. */
export function featuresOf(engine: {
  type: EngineType;
  features?: readonly Feature[] | undefined;
}): readonly Feature[] {
  return engine.features ?? defaults[engine.type] ?? generation;
}
