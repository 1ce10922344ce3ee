import type { Case, Results } from './main.ts';

/** What each signal may cost, in CPU microseconds a request. */
const bars: Record<Exclude<Case, 'off'>, number> = {
  metrics: 5,
  log: 5,
  'tracing 5 %': 15,
  'tracing 100 %': 40,
};

/** The page of figures, from one run. */
export function renderPage({
  date,
  machine,
  rounds,
  requestsPerRound,
  ...figures
}: Results): string {
  const rows = Object.entries(bars).map(([name, bar]) => {
    const added = figures.addedUs[name as keyof typeof bars];
    return `| ${name} | ${added.toFixed(1)} | ${bar} | ${added <= bar ? 'yes' : 'no'} |`;
  });
  return `# What telemetry costs

Written by \`node bench/telemetry/main.ts\`; do not edit. ${date}, ${machine}.

CPU time of one streamed chat of twelve chunks, told by the router's own code: all metrics of a request and of
its routing decision, its line in the access log, or its spans with their export over OTLP (http/protobuf) to a
collector in another process. User and system time of the whole process. Each signal alone, on and off in
turn in one process, ${rounds} rounds of ${requestsPerRound.toLocaleString('en')} requests; medians of the differences within a round. Off,
the record of a request alone takes ${figures.cpuUs.off.toFixed(1)} µs, most of it for reading usage and finish reasons. The machine’s load
average was ${figures.loadAverage.toFixed(0)} when the run began; other work on the same cores makes every figure larger.

| signal | added µs a request | bar | held |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
}
