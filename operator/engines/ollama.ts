import { concurrencyOf } from '../../crds/modeldeployment/concurrency.ts';
import { fixedPause } from './drain.ts';
import type { Engine } from './engine.ts';
import { type OwnedFlag, refuseOwned, remedies } from './refused-flags.ts';

const port = 11434;

/** From Ollama's envconfig/config.go. */
export const ollamaOwned: readonly OwnedFlag[] = [
  { flags: [], variables: ['OLLAMA_HOST'], remedy: remedies.address },
  { flags: [], variables: ['OLLAMA_MODELS'], remedy: remedies.model },
  { flags: [], variables: ['OLLAMA_CONTEXT_LENGTH'], remedy: remedies.context },
  { flags: [], variables: ['OLLAMA_NUM_PARALLEL'], remedy: remedies.concurrency },
];

/**
 * Ollama knows a model by a tag of its own store, so the file is entered there under the served name by a
 * server that nobody can reach; the real one listens when that is done. The model itself is loaded at the
 * first request, and stays.
 */
const script = `
set -eu
OLLAMA_HOST=127.0.0.1:11435 ollama serve &
store=$!
until OLLAMA_HOST=127.0.0.1:11435 ollama list >/dev/null 2>&1; do
  kill -0 "$store"
  sleep 0.2
done
printf 'FROM %s\\n' "$MODEL_PATH" >/tmp/Modelfile
OLLAMA_HOST=127.0.0.1:11435 ollama create "$SERVED_NAME" -f /tmp/Modelfile
kill "$store"
wait "$store" || true
exec ollama serve
`.trim();

/** Ollama. It does not say how many requests it works on. */
export const ollama: Engine = {
  type: 'Ollama',
  reads: 'file',
  writablePaths: ['/tmp', '/cache'],
  usesSharedMemory: false,
  tensorParallel: false,
  metrics: undefined,

  endpoint: () => ({ port, healthPath: '/' }),

  refusal(spec) {
    const [what] = spec.engine.args ?? [];
    if (what !== undefined)
      return {
        field: 'spec.engine.args',
        what,
        remedy: '`ollama serve` takes no arguments; use the OLLAMA_ variables in spec.engine.env.',
      };
    return refuseOwned(ollamaOwned, spec);
  },

  command: () => ['/bin/sh', '-c', script],

  args: () => [],

  env({ spec, servedName, modelPath }) {
    const { contextLength } = spec.engine;
    return [
      { name: 'HOME', value: '/cache' },
      { name: 'MODEL_PATH', value: modelPath },
      { name: 'SERVED_NAME', value: servedName },
      { name: 'OLLAMA_HOST', value: `0.0.0.0:${port}` },
      { name: 'OLLAMA_MODELS', value: '/cache/models' },
      { name: 'OLLAMA_KEEP_ALIVE', value: '-1' },
      { name: 'OLLAMA_NUM_PARALLEL', value: String(concurrencyOf(spec.engine)) },
      ...(contextLength ? [{ name: 'OLLAMA_CONTEXT_LENGTH', value: String(contextLength) }] : []),
    ];
  },

  preStop: () => fixedPause,
};
