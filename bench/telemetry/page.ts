import type { Results, Signal } from './main.ts';
import type { Spread } from './measure.ts';

/** What each signal may cost, in CPU microseconds a request. */
const bars: Record<Signal, number> = {
  metrics: 5,
  log: 5,
  'tracing 5 %': 15,
  'tracing 100 %': 40,
};

/** The page of figures, from one run. */
export function renderPage(results: Results): string {
  const { date, machine, rounds, requestsPerPart, offUs, addedUs, parseUs, loadAverage } = results;
  const rows = Object.entries(bars).map(([name, bar]) => {
    const added = addedUs[name as Signal];
    const held = added.median <= bar ? 'yes' : 'no';
    return `| ${name} | ${added.median.toFixed(1)} | ${between(added)} | ${bar} | ${held} |`;
  });
  return `# What telemetry costs

Written by \`node bench/telemetry/main.ts\`; do not edit. ${date}, ${machine}.

CPU time of one streamed chat of twelve chunks, told by the router's own code: all metrics of a request and of
its routing decision, its line in the access log, or its spans with their export over OTLP (http/protobuf) to a
collector in another process. User and system time of the whole process, garbage collection included. Each signal
alone, ${rounds} times in turn in one process, ${requestsPerPart.toLocaleString('en')} requests at once, as many with nothing on before and behind them.
A figure is the median of the differences; half of them are between the quartiles.

| signal | added µs a request | quartiles | bar | held |
| --- | --- | --- | --- | --- |
${rows.join('\n')}

Off, the record of a request alone takes ${offUs.median.toFixed(1)} µs (${between(offUs)}), most of it for reading usage and finish reasons.
In the same rounds the process parsed a fixed JSON text of 1 KB in ${parseUs.median.toFixed(1)} µs (${between(parseUs)}): where that is another
figure, the machine was as much faster or slower, and so are the others. The load average was ${loadAverage.toFixed(0)} when the run
began; other work on the same cores makes every figure larger.
`;
}

function between({ quartiles: [lower, upper] }: Spread): string {
  return `${lower.toFixed(1)} … ${upper.toFixed(1)}`;
}
