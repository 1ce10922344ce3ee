import { fixedPause } from './drain.ts';
import type { Engine } from './engine.ts';

const defaultPort = 8000;

/**
 * Any image that answers OpenAI-format requests. Fairlead tells it what it has to know in variables, which
 * the kubelet also puts into its command and arguments: `$(MODEL_PATH)`.
 */
export const custom: Engine = {
  type: 'Custom',
  reads: 'either',
  writablePaths: ['/tmp', '/cache'],
  usesSharedMemory: true,
  tensorParallel: false,
  metrics: undefined,

  endpoint: ({ port = defaultPort, healthPath = '/health' }) => ({ port, healthPath }),

  refusal: () => undefined,

  command: ({ spec }) => spec.engine.command,

  args: () => [],

  env({ spec, servedName, modelPath }) {
    const { contextLength, maxConcurrency } = spec.engine;
    return [
      { name: 'HOME', value: '/cache' },
      { name: 'MODEL_PATH', value: modelPath },
      { name: 'SERVED_NAME', value: servedName },
      { name: 'PORT', value: String(custom.endpoint(spec.engine).port) },
      ...(contextLength ? [{ name: 'CONTEXT_LENGTH', value: String(contextLength) }] : []),
      ...(maxConcurrency ? [{ name: 'MAX_CONCURRENCY', value: String(maxConcurrency) }] : []),
    ];
  },

  preStop: () => fixedPause,
};
