import type { Results } from './main.ts';

const table = (head: string[], rows: string[][]) =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

/** The smallest value that at least this share of them does not exceed (nearest rank). */
function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** The page of figures, from one run. */
export function renderPage({ date, machine, load, reaction, coldStarts }: Results): string {
  const ms = (value: number) => value.toFixed(1);
  const times = (what: string, values: readonly number[], bar: string) => [
    what,
    String(values.length),
    ms(quantile(values, 0.5)),
    ms(quantile(values, 0.99)),
    ms(Math.max(...values)),
    bar,
  ];
  const { wakeMs, readyMs, probedMs, stepMs, bare, held } = reaction;
  const median = (values: readonly number[]) => (quantile(values, 0.5) / 1000).toFixed(2);
  const range = (values: readonly number[]) =>
    `${(Math.min(...values) / 1000).toFixed(2)} to ${(Math.max(...values) / 1000).toFixed(2)}`;
  const sideBySide = (
    what: string,
    { fairlead, byHand }: Record<'fairlead' | 'byHand', number[]>,
  ) => [
    what,
    `${median(fairlead)} (${range(fairlead)})`,
    `${median(byHand)} (${range(byHand)})`,
    `${(quantile(fairlead, 0.5) / quantile(byHand, 0.5)).toFixed(2)} ×`,
  ];
  return `# Figures of elasticity

Written by \`make bench-elasticity\`; do not edit. ${date}, ${machine}; ${load} runnable
processes of other work before the run.

## Reaction

A real API server, operator and router, each a process of its own, with the defaults of \`spec.autoscaling\`;
the engine and the kubelet are played. Milliseconds. Bare processes: the same hops between as many processes
that do nothing else (\`bare-hops.ts\`), in turn with the rounds above them; what the machine itself takes.

${table(
  ['', 'rounds', 'p50', 'p99', 'most', 'bar'],
  [
    times('request for a model at zero → scale patch at the API server', wakeMs, 'p99 10'),
    times('the same by bare processes', bare.wakeMs, ''),
    times('pod Ready (watch event) → first byte of the held request', readyMs, 'p99 20'),
    times('the same by bare processes', bare.readyMs, ''),
    times('engine answers its health check, pod not Ready → first byte', probedMs, ''),
    times('four times the load → scale patch', stepMs, '2,000'),
  ],
)}

A router that holds ${held.requests.toLocaleString('en')} requests has ${(held.rssBytes / 1e6).toFixed(1)} MB more resident memory than before (bar: 30 MB).

## Until the first answer

Two real nodes that have the images, the chart, llama-server with the Skiff model on CPU, a client in a pod.
By hand: a Deployment and a Service with the same container and a readiness probe each second, scaled by a patch
at the moment in which Fairlead gets its request. Seconds, median of ${coldStarts.applyMs.fairlead.length} rounds in turn, least to most.

${table(
  ['', 'Fairlead', 'by hand', 'ratio'],
  [
    sideBySide('apply → answer', coldStarts.applyMs),
    sideBySide('request at zero, or scale-up by hand → answer', coldStarts.zeroMs),
  ],
)}
`;
}
