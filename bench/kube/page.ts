import type { Results } from './main.ts';

const round = (value: number, digits = 1) => value.toFixed(digits);
const table = (head: string[], rows: (string | number | boolean)[][]) =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

/** The page of figures, from one run. */
export function renderPage(results: Results): string {
  const { calls, mirror, latency, handover, facts, loading, machine, date } = results;
  const ratio = (one: number, other: number) => `${round(one / other)} ×`;
  const callRows = Object.entries(calls).flatMap(([verb, { fairlead, 'client-node': other }]) => [
    [
      `${verb}, calls per second`,
      round(fairlead.callsPerSecond, 0),
      round(other.callsPerSecond, 0),
      ratio(fairlead.callsPerSecond, other.callsPerSecond),
    ],
    [
      `${verb}, CPU per call (ms)`,
      round(fairlead.cpuMsPerCall, 3),
      round(other.cpuMsPerCall, 3),
      ratio(other.cpuMsPerCall, fairlead.cpuMsPerCall),
    ],
  ]);
  const [own, other] = [mirror.fairlead, mirror['client-node']];
  const smaller = (label: string, a: number, b: number) => [label, round(a), round(b), ratio(b, a)];
  const seconds = (values: number[]) => values.map((ms) => round(ms / 1000, 2)).join(', ');
  const factRows = Object.entries(facts.fairlead).map(([name, value]) => [
    name.replace(/([A-Z]|\d+)/g, (part) => ` ${part.toLowerCase()}`).replace('a quiet', 'quiet'),
    String(value),
    String(facts['client-node'][name as keyof typeof facts.fairlead]),
  ]);
  return `# Figures of the Kubernetes runtime

Written by \`node bench/kube/main.ts\`; do not edit. ${date}, ${machine}.
Both sides ran in the same run against the same API server and etcd, on the same machine, each in a process
of its own. A ratio above 1 is in favour of \`kube/\`.

## Calls

Closed loop of eight on ConfigMaps of about 1 KiB; \`list\` is of 500. Contenders in turn, three rounds, medians.

${table(['', '`kube/`', 'client-node', 'ratio'], callRows)}

## ${own.objects.toLocaleString('en')} objects mirrored

\`kube/\`'s reflector against client-node's informer; ${own.objects} and ${other.objects} ConfigMaps held. RSS after a garbage collection.

${table(
  ['', '`kube/`', 'client-node', 'ratio'],
  [
    smaller('first list (ms)', own.listMs, other.listMs),
    smaller('relist, median of five (ms)', own.relistMs, other.relistMs),
    smaller('RSS before (MiB)', own.emptyRssMb, other.emptyRssMb),
    smaller('RSS after the first list (MiB)', own.rssMb, other.rssMb),
    smaller('RSS after five relists (MiB)', own.rssAfterRelistsMb, other.rssAfterRelistsMb),
    smaller('peak RSS (MiB)', own.peakRssMb, other.peakRssMb),
  ],
)}

## Events to handlers

From before a write is sent by another process until the handler has the event; ${latency.fairlead?.events} writes at about 150 a second, both sides watching the same objects.

${table(
  ['', '`kube/`', 'client-node', 'ratio'],
  (['p50Ms', 'p99Ms'] as const).map((key) =>
    smaller(
      `${key.slice(0, 3)} (ms)`,
      latency.fairlead?.[key] ?? Number.NaN,
      latency['client-node']?.[key] ?? Number.NaN,
    ),
  ),
)}

## Leader handover

With the default 15/10/2 s, until the successor leads: after a clean stop ${seconds(handover.stopMs)} s (bar: 2 s), after SIGKILL ${seconds(handover.killMs)} s (bar: 16 s).

## What each side does

Against a scripted API server.

${table(['', '`kube/`', 'client-node'], factRows)}

## Loading

${table(
  ['', 'time (ms)', 'memory (MiB)'],
  Object.entries(loading).map(([name, { ms, rssMb }]) => [
    `import of \`${name}\``,
    round(ms, 0),
    round(rssMb, 0),
  ]),
)}
`;
}
