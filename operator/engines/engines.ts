import type { EngineType } from '../../crds/modeldeployment/engine.ts';
import type { Engine } from './engine.ts';
import { llamaCpp } from './llamacpp.ts';

/** Every engine by its `spec.engine.type`. */
export const engines: Readonly<Record<EngineType, Engine>> = {
  LlamaCpp: llamaCpp,
};
