import { startTestRouter } from '../../router/testing/test-router.ts';
import type { Target } from './clients/checks.ts';
import { allClients } from './clients.ts';
import { type ClientResult, compare } from './compare.ts';
import { mended } from './mended.ts';
import {
  type ServedModel,
  serve,
  startUpstreamNamed,
  stopUpstream,
  type Upstream,
  type UpstreamName,
} from './upstreams.ts';

/**
 * Runs every client against an upstream, directly and through a router, one after the other.
 * @param log told of each client, with the seconds it took
 */
export async function runConformance(
  name: UpstreamName,
  log: (line: string) => void,
): Promise<ClientResult[]> {
  const upstream = await startUpstreamNamed[name]();
  const router = await startTestRouter({ lameDuckMs: 0 });
  try {
    await serve(router, [upstream.chat, upstream.embed, upstream.rerank]);
    const results: ClientResult[] = [];
    for (const client of await allClients()) {
      const startedMs = performance.now();
      const direct = await client.run(targetOf(upstream));
      const routed = await client.run(targetOf(upstream, router.address));
      const comparisons = compare(direct, routed, mended, name === 'vLLM');
      results.push({ client: client.name, comparisons });
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
      log(`${name}: ${client.name}: ${comparisons.length} checks in ${seconds} s`);
    }
    return results;
  } finally {
    await router.stop();
    await stopUpstream(upstream);
  }
}

function targetOf({ chat, embed, rerank }: Upstream, routerUrl?: string): Target {
  const place = ({ name, engine }: ServedModel) => ({ model: name, url: routerUrl ?? engine.url });
  return {
    chat: place(chat),
    ...(embed && { embed: place(embed) }),
    ...(rerank && { rerank: place(rerank) }),
  };
}
