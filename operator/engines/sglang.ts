import { untilIdle } from './drain.ts';
import type { Engine } from './engine.ts';
import { argumentOf, gives, type OwnedFlag, refuseOwned, remedies } from './refused-flags.ts';

const port = 30000;
const metrics = { running: 'sglang:num_running_reqs', waiting: 'sglang:num_queue_reqs' };
const parallel = ['--tp', '--tp-size', '--tensor-parallel-size'];

/** Spellings from SGLang's server_args.py. */
export const sglangOwned: readonly OwnedFlag[] = [
  { flags: ['--host', '--port'], remedy: remedies.address },
  { flags: ['--model-path', '--model'], remedy: remedies.model },
  { flags: ['--served-model-name'], remedy: remedies.name },
  { flags: ['--context-length'], remedy: remedies.context },
  { flags: ['--max-running-requests'], remedy: remedies.concurrency },
  { flags: ['--enable-metrics'], remedy: remedies.metrics },
  { flags: ['--api-key', '--admin-api-key'], remedy: remedies.key },
  { flags: ['--ssl-keyfile', '--ssl-certfile'], remedy: remedies.tls },
  { flags: ['--fastapi-root-path'], remedy: remedies.prefix },
  { flags: ['--config'], remedy: remedies.file },
];

/** SGLang; its image has no server as entry point. */
export const sglang: Engine = {
  type: 'SGLang',
  reads: 'folder',
  writablePaths: ['/tmp', '/cache'],
  usesSharedMemory: true,
  tensorParallel: true,
  metrics,

  memoryShare(spec) {
    if (gives(spec, '--quantization', '--kv-cache-dtype', '--cpu-offload-gb', '--load-format'))
      return undefined;
    return Number(argumentOf(spec, '--mem-fraction-static') ?? 0.9);
  },

  endpoint: () => ({ port, healthPath: '/health' }),

  refusal: (spec) => refuseOwned(sglangOwned, spec),

  command: () => ['python3', '-m', 'sglang.launch_server'],

  args({ spec, servedName, modelPath, accelerators }) {
    const { contextLength, maxConcurrency } = spec.engine;
    return [
      ...['--model-path', modelPath],
      ...['--host', '0.0.0.0', '--port', String(port)],
      ...['--served-model-name', servedName],
      ...(contextLength ? ['--context-length', String(contextLength)] : []),
      ...(maxConcurrency ? ['--max-running-requests', String(maxConcurrency)] : []),
      ...(accelerators > 1 && !gives(spec, ...parallel) ? ['--tp-size', String(accelerators)] : []),
      '--enable-metrics',
    ];
  },

  env: () => [
    { name: 'HOME', value: '/cache' },
    { name: 'USER', value: 'fairlead' },
    { name: 'HF_HUB_OFFLINE', value: '1' },
  ],

  preStop: () => untilIdle(port, Object.values(metrics)),
};
