import { concurrencyOf } from '../../crds/modeldeployment/concurrency.ts';
import { featuresOf } from '../../crds/modeldeployment/features.ts';
import type { ModelDeploymentSpec } from '../../crds/modeldeployment.ts';
import { untilIdle } from './drain.ts';
import type { Engine } from './engine.ts';
import { llamaCppAdapters, llamaCppOwned } from './llamacpp-flags.ts';
import { cores } from './quantity.ts';
import { refuseOwned } from './refused-flags.ts';

const port = 8080;
const metrics = {
  running: 'llamacpp:requests_processing',
  waiting: 'llamacpp:requests_deferred',
};

/**
 * llama.cpp's llama-server, 0.7. On SIGTERM it closes its listener and drops open streams at once, so it
 * must be idle before. Its context is shared out over its slots.
 */
export const llamaCpp: Engine = {
  type: 'LlamaCpp',
  reads: 'file',
  writablePaths: ['/tmp'],
  usesSharedMemory: false,
  tensorParallel: false,
  metrics,

  endpoint: () => ({ port, healthPath: '/health' }),

  refusal: (spec) =>
    refuseOwned(
      spec.adapters?.length ? llamaCppOwned.concat(llamaCppAdapters) : llamaCppOwned,
      spec,
    ),

  args({ spec, servedName, modelPath, adapterPaths }) {
    const { engine } = spec;
    const { contextLength } = engine;
    const concurrency = concurrencyOf(engine);
    return [
      ...['--host', '0.0.0.0', '--port', String(port)],
      ...['--model', modelPath, '--alias', servedName],
      ...['--parallel', String(concurrency)],
      ...(contextLength ? ['--ctx-size', String(contextLength * concurrency)] : []),
      ...threads(spec),
      '--metrics',
      ...pooling(spec),
      ...lora(adapterPaths),
    ];
  },

  // llama-server's caches and temporary files go below HOME.
  env: () => [{ name: 'HOME', value: '/tmp' }],

  preStop: () => untilIdle(port, Object.values(metrics)),
};

/** A chat model has no pooling of its own, and without one /v1/embeddings answers 400. */
function pooling({ engine }: ModelDeploymentSpec): string[] {
  const features = featuresOf(engine);
  if (features.includes('Rerank')) return ['--reranking'];
  return features.includes('Embeddings') ? ['--embeddings', '--pooling', 'mean'] : [];
}

/**
 * Adapters, each off unless a request asks for it by its id. 0.7 lets a request that says nothing of adapters go on
 * from a prompt that its slot has computed with one. So prompts are kept only for requests that ask for it, as the
 * router does where it names the adapters.
 */
function lora(paths: readonly string[]): string[] {
  if (paths.length === 0) return [];
  return ['--lora-scaled', paths.map((path) => `${path}:0`).join(), '--no-cache-prompt'];
}

/**
 * By default llama.cpp starts a thread per core of the node, and threads that outnumber the container's
 * share of CPU spin at barriers: 30 times slower and worse on a busy node.
 */
function threads({ resources }: ModelDeploymentSpec): string[] {
  const cpu = resources?.limits?.cpu ?? resources?.requests?.cpu;
  const count = cpu === undefined ? Number.NaN : Math.ceil(cores(cpu));
  return count > 0 ? ['--threads', String(count)] : [];
}
