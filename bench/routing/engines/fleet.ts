import { findVllm } from '../../../hack/vllm/install.ts';
import { startLlamaServer } from '../../../test/support/engines/llama-server.ts';
import { type EngineProcess, freePort } from '../../../test/support/engines/process.ts';
import { kvEventsArgs, startVllm } from '../../../test/support/engines/vllm.ts';
import { modelOf, ways } from './ways.ts';

/** A real engine that serves. */
export interface FleetReplica {
  readonly url: string;
  readonly port: number;
  /** Where it tells its KV events; absent: it does not. */
  readonly kvEvents?: { readonly port: number; readonly replayPort: number };
}

/** Real engines of one kind. */
export interface Fleet {
  readonly engine: 'llama-server' | 'vLLM';
  readonly replicas: readonly FleetReplica[];
  stop(): Promise<void>;
}

/** Four llama-servers. */
export function startLlamaServers(): Promise<Fleet> {
  const args = ['-c', '32768', '-np', '4', '-n', '16', '--threads', '1'];
  return startFleet('llama-server', 4, () => startLlamaServer(args));
}

/** Of each vLLM's memory, in blocks of 32 tokens: less than all conversations take. */
const kvBlocks = 128;

/** Two vLLMs with prefix caching; undefined when it is not installed (`make vllm`). */
export async function startVllms(): Promise<Fleet | undefined> {
  if (!(await findVllm())) return undefined;
  const args = [
    ...['--enable-prefix-caching', '--enable-prompt-tokens-details', '--block-size', '32'],
    ...['--num-gpu-blocks-override', String(kvBlocks), '--max-num-seqs', '8'],
    ...['--served-model-name', ...ways.map(modelOf)],
  ];
  return startFleet('vLLM', 2, async () => {
    const kvEvents = { port: await freePort(), replayPort: await freePort() };
    return { ...(await startVllm([...args, ...kvEventsArgs(kvEvents)])), kvEvents };
  });
}

async function startFleet(
  engine: Fleet['engine'],
  size: number,
  start: () => Promise<EngineProcess & FleetReplica>,
): Promise<Fleet> {
  const starts = await Promise.allSettled(Array.from({ length: size }, start));
  const replicas = starts.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const stop = async () => void (await Promise.all(replicas.map((one) => one.stop())));
  const failed = starts.find((one) => one.status === 'rejected');
  if (failed) {
    await stop();
    throw failed.reason;
  }
  return { engine, replicas, stop };
}
