import type { EngineSpec, EngineType } from './engine.ts';

/** Requests that one replica works on at once when the user does not say, by engine. */
export const defaultConcurrency: Readonly<Record<EngineType, number>> = {
  vLLM: 256,
  LlamaCpp: 4,
  SGLang: 256,
  TGI: 128,
  Ollama: 4,
  Custom: 16,
};

/** Requests that one replica works on at once; what is beyond waits in its engine. */
export function concurrencyOf({ type, maxConcurrency }: EngineSpec): number {
  return maxConcurrency ?? defaultConcurrency[type];
}
