import type { EngineType } from '../../crds/modeldeployment/engine.ts';
import { custom } from './custom.ts';
import type { Engine } from './engine.ts';
import { llamaCpp } from './llamacpp.ts';
import { ollama } from './ollama.ts';
import { sglang } from './sglang.ts';
import { tgi } from './tgi.ts';
import { vllm } from './vllm.ts';

/** Every engine by its `spec.engine.type`. */
export const engines: Readonly<Record<EngineType, Engine>> = {
  vLLM: vllm,
  LlamaCpp: llamaCpp,
  SGLang: sglang,
  TGI: tgi,
  Ollama: ollama,
  Custom: custom,
};
