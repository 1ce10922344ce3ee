import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from '../../../hack/cache.ts';
import { findVllm, VllmError } from '../../../hack/vllm/install.ts';
import { type EngineProcess, startEngine } from './process.ts';

/** What makes vLLM tell its KV events at these ports. */
export function kvEventsArgs({ port, replayPort }: { port: number; replayPort: number }): string[] {
  const config = {
    ...{ enable_kv_cache_events: true, publisher: 'zmq', endpoint: `tcp://*:${port}` },
    replay_endpoint: `tcp://*:${replayPort}`,
  };
  return ['--kv-events-config', JSON.stringify(config)];
}

const skiffModel = join(import.meta.dirname, '../../models/skiff/tiny-chat-hf');

/**
 * Starts the real vLLM on the processor with the Skiff model. It takes about 30 s and 1.8 GB.
 * @param args as on its command line; model, address and what a processor needs are given already
 * @throws VllmError when it is not installed (`make vllm`)
 */
export async function startVllm(args: readonly string[]): Promise<EngineProcess> {
  const installed = await findVllm();
  if (!installed) throw new VllmError('vLLM is not installed. Run: make vllm');
  const home = join(cacheDir(), 'vllm-home');
  await mkdir(home, { recursive: true });
  return startEngine(
    (port) => [
      ...([installed.python, '-m', 'vllm.entrypoints.cli.main', 'serve', skiffModel] as const),
      ...['--host', '127.0.0.1', '--port', String(port), '--max-model-len', '2048'],
      // bfloat16 would take instructions that die in some virtual machines.
      ...['--enforce-eager', '--dtype', 'float32', ...args],
    ],
    {
      env: {
        HOME: home,
        HF_HUB_OFFLINE: '1',
        VLLM_NO_USAGE_STATS: '1',
        VLLM_CPU_KVCACHE_SPACE: '1',
        VLLM_HOST_IP: '127.0.0.1',
      },
      readyTimeoutMs: 300_000,
    },
  );
}
