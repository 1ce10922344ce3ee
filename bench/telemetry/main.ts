import { fork } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { join } from 'node:path';
import { type ProxyTracerProvider, trace } from '@opentelemetry/api';
import { routerMetrics } from '../../telemetry/contract/router-metrics.ts';
import { createFlatLogger, standardOutput } from '../../telemetry/logger.ts';
import {
  createRegistry,
  createRouterMetrics,
  type RouterMetrics,
} from '../../telemetry/metrics.ts';
import { startTracing, untraced } from '../../telemetry/tracing.ts';
import { cpuUsOf, type Spread, spreadOf } from './measure.ts';
import { renderPage } from './page.ts';
import { type Signals, tellingOf } from './request.ts';

/** CPU microseconds a request, by what is on; `off`: the record alone, which the router needs anyhow. */
export const cases = ['off', 'metrics', 'log', 'tracing 5 %', 'tracing 100 %'] as const;
export type Case = (typeof cases)[number];
export type Signal = Exclude<Case, 'off'>;

/** One run, a line in results.jsonl. */
export interface Results {
  date: string;
  machine: string;
  /** Of the machine when the run began: more than its cores is in the way of the figures. */
  loadAverage: number;
  rounds: number;
  requestsPerRound: number;
  cpuUs: Record<Case, Spread>;
  /** Of each round's difference to its own `off`. */
  addedUs: Record<Signal, Spread>;
  /** To parse a fixed JSON text, in the same rounds: how fast the machine was. */
  parseUs: Spread;
}

const warmUps = 4;
const rounds = 25;
const requestsPerRound = 4_000;
/** About as long as what an engine says of one request. */
const fixedText = JSON.stringify(
  Array.from({ length: 40 }, (_, index) => ({ index, text: 'word' })),
);

const silence = { inc() {}, dec() {}, set() {}, observe() {}, series: () => silence };
const silent = Object.fromEntries(
  Object.keys(routerMetrics).map((name) => [name, silence]),
) as unknown as RouterMetrics;
async function main(): Promise<void> {
  const [load = Number.NaN] = loadavg();
  const sink = fork(join(import.meta.dirname, 'sink.ts'));
  const [port] = await once(sink, 'message');
  Object.assign(process.env, {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.05',
  });
  const tracing = await startTracing('fairlead-router', 'bench', console);
  const off: Signals = { metrics: silent, accessLog: undefined, tracing: untraced };
  const metrics = createRouterMetrics(createRegistry('router', 'bench'));
  const accessLog = createFlatLogger(
    { program: 'fairlead-router', version: 'bench' },
    standardOutput('/dev/null'),
  );
  const contenders: Record<Case, () => void> = {
    off: tellingOf(off),
    metrics: tellingOf({ ...off, metrics }),
    log: tellingOf({ ...off, accessLog }),
    'tracing 5 %': tellingOf({ ...off, tracing }),
    'tracing 100 %': tellingOf({ ...off, tracing }, { isSampled: true }),
  };
  const provider = (trace.getTracerProvider() as ProxyTracerProvider).getDelegate();
  const { forceFlush } = provider as unknown as { forceFlush(): Promise<void> };
  const flush = () => forceFlush.call(provider);
  const parsing: number[] = [];
  const measured = new Map<Case, number[]>(cases.map((one) => [one, []]));
  for (let round = 0; round < warmUps + rounds; round++) {
    parsing.push(
      await cpuUsOf(
        () => JSON.parse(fixedText),
        requestsPerRound,
        async () => {},
      ),
    );
    // Each begins a round as often as the others.
    for (let at = 0; at < cases.length; at++) {
      const one = cases[(at + round) % cases.length] ?? 'off';
      measured.get(one)?.push(await cpuUsOf(contenders[one], requestsPerRound, flush));
    }
  }
  const of = (one: Case) => (measured.get(one) ?? []).slice(warmUps);
  const added = (one: Case) => spreadOf(of(one).map((us, at) => us - (of('off')[at] ?? 0)));
  const results: Results = {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} cores (${cpus()[0]?.model}), Linux ${release()}, Node ${process.version}`,
    loadAverage: load,
    rounds,
    requestsPerRound,
    cpuUs: Object.fromEntries(cases.map((one) => [one, spreadOf(of(one))])) as Results['cpuUs'],
    addedUs: Object.fromEntries(
      cases.flatMap((one) => (one === 'off' ? [] : [[one, added(one)]])),
    ) as Results['addedUs'],
    parseUs: spreadOf(parsing.slice(warmUps)),
  };
  await tracing.shutdown();
  sink.kill();
  if (tracing.takeLost() > 0) throw new Error('spans were lost: the figure is too good');
  if (process.argv.includes('--dry')) {
    process.stdout.write(`${JSON.stringify(results, undefined, 2)}\n`);
    return;
  }
  appendFileSync(join(import.meta.dirname, 'results.jsonl'), `${JSON.stringify(results)}\n`);
  writeFileSync(join(import.meta.dirname, 'README.md'), renderPage(results));
  process.stdout.write(renderPage(results));
}

await main();
