import { untilIdle } from './drain.ts';
import type { Engine } from './engine.ts';
import { argumentOf, gives, type OwnedFlag, refuseOwned, remedies } from './refused-flags.ts';

const port = 8080;
const metrics = { running: 'tgi_batch_current_size', waiting: 'tgi_queue_size' };
const parallel = ['--num-shard', '--sharded'];

/** Spellings and variables from `text-generation-launcher --help` of 3.3. */
export const tgiOwned: readonly OwnedFlag[] = [
  {
    flags: ['--hostname', '--port', '-p'],
    variables: ['HOSTNAME', 'PORT'],
    remedy: remedies.address,
  },
  { flags: ['--model-id'], variables: ['MODEL_ID'], remedy: remedies.model },
  { flags: ['--max-total-tokens'], variables: ['MAX_TOTAL_TOKENS'], remedy: remedies.context },
  {
    flags: ['--max-concurrent-requests'],
    variables: ['MAX_CONCURRENT_REQUESTS'],
    remedy: remedies.concurrency,
  },
  { flags: ['--api-key'], variables: ['API_KEY'], remedy: remedies.key },
];

/**
 * Hugging Face's Text Generation Inference, which its makers only maintain. It answers to any name, and
 * takes the variable HOSTNAME, which Kubernetes sets, for the address to listen on: the flag wins.
 */
export const tgi: Engine = {
  type: 'TGI',
  reads: 'folder',
  writablePaths: ['/tmp', '/cache', '/data'],
  usesSharedMemory: true,
  tensorParallel: true,
  metrics,

  memoryShare(spec) {
    if (gives(spec, '--quantize', '--kv-cache-dtype')) return undefined;
    return Number(argumentOf(spec, '--cuda-memory-fraction') ?? 1);
  },

  endpoint: () => ({ port, healthPath: '/health' }),

  refusal: (spec) => refuseOwned(tgiOwned, spec),

  args({ spec, modelPath, accelerators }) {
    const { contextLength, maxConcurrency } = spec.engine;
    return [
      ...['--model-id', modelPath],
      ...['--hostname', '0.0.0.0', '--port', String(port)],
      ...(contextLength ? ['--max-total-tokens', String(contextLength)] : []),
      ...(maxConcurrency ? ['--max-concurrent-requests', String(maxConcurrency)] : []),
      ...(accelerators > 1 && !gives(spec, ...parallel)
        ? ['--num-shard', String(accelerators)]
        : []),
    ];
  },

  env: () => [
    { name: 'HOME', value: '/cache' },
    { name: 'USER', value: 'fairlead' },
    { name: 'HF_HUB_OFFLINE', value: '1' },
  ],

  preStop: () => untilIdle(port, Object.values(metrics)),
};
