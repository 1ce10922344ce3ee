import { join } from 'node:path';
import type { EngineType } from '../../crds/modeldeployment/engine.ts';
import type { Feature } from '../../crds/modeldeployment/features.ts';
import type { TestRouter } from '../../router/testing/test-router.ts';
import { startLlamaServer } from '../support/engines/llama-server.ts';
import { type EngineProcess, startEngine } from '../support/engines/process.ts';
import { startVllm } from '../support/engines/vllm.ts';

/** A model that an upstream serves. */
export interface ServedModel {
  readonly name: string;
  readonly engine: EngineProcess;
  readonly features: Feature[];
  /** What the router takes the engine for. */
  readonly type: EngineType;
}

/** An engine that runs, as clients and the router will see it. */
export interface Upstream {
  readonly chat: ServedModel;
  readonly embed?: ServedModel;
  readonly rerank?: ServedModel;
}

export const upstreamNames = ['llama-server', 'vLLM', 'aimock'] as const;
export type UpstreamName = (typeof upstreamNames)[number];

/** Names with a slash, as clients escape them in paths. */
const chatName = 'local/skiff';
const embedName = 'local/skiff-embed';
const rerankName = 'local/skiff-rerank';

/**
 * Starts an upstream so that it answers alike every time: greedy, and without a prefix cache, whose
 * state would show in `usage`.
 */
export const startUpstreamNamed: Readonly<Record<UpstreamName, () => Promise<Upstream>>> = {
  'llama-server': startLlama,
  vLLM: startVllmUpstream,
  aimock: startAimockUpstream,
};

/** Ends all engines of an upstream. */
export async function stopUpstream({ chat, embed, rerank }: Upstream): Promise<void> {
  await Promise.all([chat, embed, rerank].map((model) => model?.engine.stop()));
}

async function startLlama(): Promise<Upstream> {
  // One thread each: its threads spin, and these machines are small.
  const start = (name: string, features: Feature[], ...args: string[]): Promise<ServedModel> =>
    startLlamaServer(['--alias', name, '--threads', '1', '--parallel', '2', ...args]).then(
      (engine) => ({ name, engine, features, type: 'LlamaCpp' }),
    );
  const [chat, embed, rerank] = await Promise.all([
    start(
      chatName,
      ['Chat', 'Completions'],
      ...['--jinja', '--temp', '0', '--seed', '1', '--no-cache-prompt', '--slots'],
    ),
    start(embedName, ['Embeddings'], '--embeddings', '--pooling', 'mean'),
    start(rerankName, ['Rerank'], '--rerank'),
  ]);
  return { chat, embed, rerank };
}

async function startVllmUpstream(): Promise<Upstream> {
  const engine = await startVllm([
    ...['--served-model-name', chatName, '--max-num-seqs', '8', '--seed', '0'],
    ...['--enable-auto-tool-choice', '--tool-call-parser', 'hermes', '--no-enable-prefix-caching'],
    ...['--override-generation-config', '{"temperature":0}'],
  ]);
  return { chat: { name: chatName, engine, features: ['Chat', 'Completions'], type: 'vLLM' } };
}

async function startAimockUpstream(): Promise<Upstream> {
  const features: Feature[] = [
    ...(['Chat', 'Completions', 'Embeddings', 'Transcription', 'Speech', 'Images'] as const),
  ];
  const engine = await startAimock([]);
  const model: ServedModel = { name: chatName, engine, features, type: 'Custom' };
  return { chat: model, embed: model };
}

/** Starts aimock, an upstream that answers from fixtures; its options are those of `llmock`. */
export function startAimock(args: readonly string[]): Promise<EngineProcess> {
  const program = join(import.meta.dirname, 'clients/node_modules/.bin/llmock');
  const fixtures = join(import.meta.dirname, 'aimock-fixtures.json');
  return startEngine(
    (port) => [
      ...(['node', program, '--port', String(port), '--fixtures', fixtures] as const),
      ...['--log-level', 'warn', ...args],
    ],
    { readyTimeoutMs: 60_000 },
  );
}

/** Makes models of upstreams known to a router, each with one ready replica. */
export async function serve(
  router: TestRouter,
  models: readonly (ServedModel | undefined)[],
): Promise<void> {
  for (const model of new Set(models)) {
    if (!model) continue;
    const name = model.name.replace('/', '-');
    const { name: servedName, features, type } = model;
    router.putModel(name, { servedName, features, engine: type });
    router.putPod(name, `${name}-0`, model.engine.port);
    await router.untilReplicas(model.name, 1);
  }
}
