import type { ModelDeploymentSpec } from '../../crds/modeldeployment.ts';
import type { Engine } from './engine.ts';
import { llamaCppOwned } from './llamacpp-flags.ts';
import { cores } from './quantity.ts';
import { refuseOwned } from './refused-flags.ts';

const port = 8080;

/**
 * Waits until llama-server has neither a running nor a deferred request, twice in a row, a second after it
 * was told at the earliest: by then every router has seen that the pod is on its way out. No answer while
 * the port is open means busy; a refused connection means that there is nothing to wait for. The image
 * has bash and coreutils, and no curl.
 */
const drainScript = `
busy() {
  { exec 3<>/dev/tcp/127.0.0.1/${port}; } 2>/dev/null || return 1
  printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3
  local name count seen=0 sum=0
  while read -r -t 5 name count <&3; do
    case "$name" in llamacpp:requests_processing | llamacpp:requests_deferred)
      seen=1 sum=$((sum + \${count%%[!0-9]*})) ;;
    esac
  done
  exec 3>&-
  [ "$seen" = 0 ] || [ "$sum" -gt 0 ]
}
sleep 1
idle=0
until [ "$idle" = 2 ]; do
  if busy; then idle=0; else idle=$((idle + 1)); fi
  sleep 0.2
done
`.trim();

/**
 * llama.cpp's llama-server, 0.7. On SIGTERM it closes its listener and drops open streams at once, so it
 * must be idle before. Its context is shared out over its slots.
 */
export const llamaCpp: Engine = {
  type: 'LlamaCpp',
  port,
  healthPath: '/health',
  writablePaths: ['/tmp'],
  defaultConcurrency: 4,
  metrics: { running: 'llamacpp:requests_processing', waiting: 'llamacpp:requests_deferred' },

  refusal: (spec) => refuseOwned(llamaCppOwned, spec),

  args({ spec, servedNames, modelPath }) {
    const { engine } = spec;
    const { contextLength, maxConcurrency = llamaCpp.defaultConcurrency, features } = engine;
    return [
      ...['--host', '0.0.0.0', '--port', String(port)],
      ...['--model', modelPath, '--alias', servedNames.join(',')],
      ...['--parallel', String(maxConcurrency)],
      ...(contextLength ? ['--ctx-size', String(contextLength * maxConcurrency)] : []),
      ...threads(spec),
      '--metrics',
      // A chat model has no pooling of its own, and without one /v1/embeddings answers 400.
      ...(features.includes('Embeddings') ? ['--embeddings', '--pooling', 'mean'] : []),
    ];
  },

  // llama-server's caches and temporary files go below HOME.
  env: () => [{ name: 'HOME', value: '/tmp' }],

  drainCommand: () => ['/bin/bash', '-c', drainScript],
};

/**
 * By default llama.cpp starts a thread per core of the node, and threads that outnumber the container's
 * share of CPU spin at barriers: 30 times slower and worse on a busy node.
 */
function threads({ resources }: ModelDeploymentSpec): string[] {
  const cpu = resources?.limits?.cpu ?? resources?.requests?.cpu;
  const count = cpu === undefined ? Number.NaN : Math.ceil(cores(cpu));
  return count > 0 ? ['--threads', String(count)] : [];
}
