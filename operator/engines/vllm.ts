import { kvEventsPort, kvReplayPort } from '../../crds/labels.ts';
import type { ModelDeploymentSpec } from '../../crds/modeldeployment.ts';
import { untilIdle } from './drain.ts';
import type { Engine } from './engine.ts';
import { argumentOf, gives, type OwnedFlag, refuseOwned, remedies } from './refused-flags.ts';

const port = 8000;
const kvPorts = { [kvEventsPort]: 5557, [kvReplayPort]: 5558 } as const;
const metrics = { running: 'vllm:num_requests_running', waiting: 'vllm:num_requests_waiting' };
const parallel = ['--tensor-parallel-size', '-tp'];

/** Spellings from `vllm serve --help=all` of 0.32. */
export const vllmOwned: readonly OwnedFlag[] = [
  { flags: ['--host', '--port', '--uds', '--headless'], remedy: remedies.address },
  { flags: ['--model', '--model-tag'], remedy: remedies.model },
  { flags: ['--served-model-name'], remedy: remedies.name },
  { flags: ['--max-model-len'], remedy: remedies.context },
  { flags: ['--max-num-seqs'], remedy: remedies.concurrency },
  { flags: ['--api-key'], variables: ['VLLM_API_KEY'], remedy: remedies.key },
  {
    flags: ['--ssl-keyfile', '--ssl-certfile', '--ssl-ca-certs', '--enable-ssl-refresh'],
    remedy: remedies.tls,
  },
  { flags: ['--root-path'], remedy: remedies.prefix },
  { flags: ['--config'], remedy: remedies.file },
  { flags: ['--nnodes', '-n', '--node-rank', '-r', '--master-addr'], remedy: 'Use spec.nodes.' },
  { flags: ['--enable-lora', '--lora-modules'], remedy: 'Use spec.adapters.' },
];

const kvEventsOwned: readonly OwnedFlag[] = [
  { flags: ['--kv-events-config'], remedy: 'Remove it, or spec.engine.kvEvents, which sets it.' },
  {
    flags: ['--data-parallel-size', '-dp'],
    remedy: 'Each rank has a prefix cache of its own; remove spec.engine.kvEvents.',
  },
];

/**
 * vLLM, 0.18 or newer, with an image whose entry point is `vllm serve`. It listens when the model is loaded.
 * Tensor parallel size follows the accelerators unless the arguments say it.
 */
export const vllm: Engine = {
  type: 'vLLM',
  reads: 'folder',
  writablePaths: ['/tmp', '/cache'],
  usesSharedMemory: true,
  tensorParallel: true,
  takesAdapters: true,
  metrics,

  memoryShare(spec) {
    if (
      gives(spec, '--quantization', '-q', '--kv-cache-dtype', '--cpu-offload-gb', '--load-format')
    )
      return undefined;
    return Number(argumentOf(spec, '--gpu-memory-utilization') ?? 0.9);
  },

  endpoint: ({ kvEvents }) => ({
    ...{ port, healthPath: '/health' },
    ...(kvEvents && { furtherPorts: kvPorts }),
  }),

  refusal: (spec) =>
    refuseOwned(spec.engine.kvEvents ? [...vllmOwned, ...kvEventsOwned] : vllmOwned, spec),

  args({ spec, servedName, modelPath, takesAdapters, accelerators }) {
    const { contextLength, maxConcurrency, kvEvents } = spec.engine;
    return [
      modelPath,
      ...['--host', '0.0.0.0', '--port', String(port)],
      ...['--served-model-name', servedName],
      ...(contextLength ? ['--max-model-len', String(contextLength)] : []),
      ...(maxConcurrency ? ['--max-num-seqs', String(maxConcurrency)] : []),
      ...(accelerators > 1 && !gives(spec, ...parallel)
        ? ['--tensor-parallel-size', String(accelerators)]
        : []),
      ...(spec.nodes > 1 ? hosts(spec) : []),
      ...(takesAdapters ? lora(spec) : []),
      ...(kvEvents ? ['--kv-events-config', JSON.stringify(kvEventsConfig)] : []),
      // Requests that are left after the drain, such as a client's own to the pod, may still end.
      ...(gives(spec, '--shutdown-timeout') ? [] : ['--shutdown-timeout', '30']),
    ];
  },

  workerArgs: ['--headless'],

  env: ({ takesAdapters }) => [
    // Compiled kernels and graphs; a volume mounted at /cache keeps them.
    { name: 'HOME', value: '/cache' },
    // Python asks who it is, and the user has no name in the image.
    { name: 'USER', value: 'fairlead' },
    { name: 'HF_HUB_OFFLINE', value: '1' },
    { name: 'VLLM_NO_USAGE_STATS', value: '1' },
    // The router keeps connections open for less than this (default: 5 s, after which requests are lost).
    { name: 'VLLM_HTTP_TIMEOUT_KEEP_ALIVE', value: '120' },
    ...(takesAdapters ? [{ name: 'VLLM_ALLOW_RUNTIME_LORA_UPDATING', value: 'True' }] : []),
  ],

  preStop: () => untilIdle(port, Object.values(metrics)),
};

/** What is told goes to the routers; of the latest steps it is kept for those that missed it. */
const kvEventsConfig = {
  ...{ enable_kv_cache_events: true, publisher: 'zmq', buffer_steps: 1_000 },
  endpoint: `tcp://*:${kvPorts[kvEventsPort]}`,
  replay_endpoint: `tcp://*:${kvPorts[kvReplayPort]}`,
};

/** The layers are shared out over the hosts; which one it is, each learns from its LeaderWorkerSet. */
function hosts(spec: ModelDeploymentSpec): string[] {
  const nodes = String(spec.nodes);
  return [
    ...(gives(spec, '--pipeline-parallel-size', '-pp') ? [] : ['--pipeline-parallel-size', nodes]),
    ...['--nnodes', nodes, '--node-rank', '$(LWS_WORKER_INDEX)'],
    ...['--master-addr', '$(LWS_LEADER_ADDRESS)'],
  ];
}

/**
 * Up to four adapters compute at the same time, and as many as the API allows stay in memory, unless the
 * arguments say otherwise.
 */
function lora(spec: ModelDeploymentSpec): string[] {
  return [
    '--enable-lora',
    ...(gives(spec, '--max-loras') ? [] : ['--max-loras', '4']),
    ...(gives(spec, '--max-cpu-loras') ? [] : ['--max-cpu-loras', '16']),
  ];
}
