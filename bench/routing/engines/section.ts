import type { EngineFigures } from './measure.ts';

/** The part of the page about real engines; empty when they were not measured. */
export function renderEngines(figures: readonly EngineFigures[] | undefined): string {
  if (!figures) return '';
  const rows = figures.map((one) => [
    `${one.replicas} × ${one.engine}`,
    one.way,
    ...[String(one.requests), String(one.failed), `${(100 * one.cachedShare).toFixed(1)} %`],
    ...[one.ttftMeanMs.toFixed(0), one.ttftP90Ms.toFixed(0)],
  ]);
  const head = ['engines', 'requests go by', 'requests', 'failed', 'cached, as the engines say'];
  const table = [[...head, 'TTFT mean (ms)', 'p90'], [...head, '', ''].map(() => '---'), ...rows];
  return `## With real engines

Conversations of four turns, four of which begin alike, with a tiny model on this machine's CPU, which
engines, clients and router share: the shares of cached tokens say more than the times. Of vLLM's prefix
caches each holds 4,096 tokens, less than the conversations have. The last replica comes after a fifth of the
requests; then one is drained and another comes in its place; then one resets every connection, and is well
again near the end. The Kubernetes Service is one of a real cluster (hack/cluster/), whose kube-proxy
(mode nftables) brings each connection to a random endpoint; its EndpointSlices are written as the course
goes, and lose the broken replica a second after it broke. Its clients run in the network of a node, and do not
retry.

${table.map((row) => `| ${row.join(' | ')} |`).join('\n')}

`;
}
