import { fork } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { type ProxyTracerProvider, trace } from '@opentelemetry/api';
import { routerMetrics } from '../../telemetry/contract/router-metrics.ts';
import { createFlatLogger, standardOutput } from '../../telemetry/logger.ts';
import {
  createRegistry,
  createRouterMetrics,
  type RouterMetrics,
} from '../../telemetry/metrics.ts';
import { startTracing, untraced } from '../../telemetry/tracing.ts';
import { renderPage } from './page.ts';
import { type Signals, tellingOf } from './request.ts';

/** CPU microseconds a request, by what is on; `off`: the record alone, which the router needs anyhow. */
export const cases = ['off', 'metrics', 'log', 'tracing 5 %', 'tracing 100 %'] as const;
export type Case = (typeof cases)[number];

/** One run, a line in results.jsonl. */
export interface Results {
  date: string;
  machine: string;
  /** Of the machine when the run began: more than its cores is in the way of the figures. */
  loadAverage: number;
  rounds: number;
  requestsPerRound: number;
  /** Medians. */
  cpuUs: Record<Case, number>;
  /** Medians of each round's difference to its own `off`. */
  addedUs: Record<Exclude<Case, 'off'>, number>;
}

const rounds = 25;
const requestsPerRound = 4_000;
/** About what one turn of the event loop brings at full load. */
const perTurn = 50;
/** The queue of spans holds those of some five thousand. */
const perFlush = 1_000;

const silence = { inc() {}, dec() {}, set() {}, observe() {}, series: () => silence };
const silent = Object.fromEntries(
  Object.keys(routerMetrics).map((name) => [name, silence]),
) as unknown as RouterMetrics;
const sampled = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' };

/** @param flush exports all that waits; it belongs to the requests that made it */
async function cpuUsOf(
  tell: (headers: object) => void,
  headers: object,
  flush: () => Promise<void>,
): Promise<number> {
  const before = process.cpuUsage();
  for (let done = 0; done < requestsPerRound; done += perTurn) {
    for (let one = 0; one < perTurn; one++) tell(headers);
    await (done % perFlush === 0 ? flush() : turn());
  }
  await flush();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / requestsPerRound;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

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
  const contenders: Record<Case, [tell: (headers: object) => void, headers: object]> = {
    off: [tellingOf(off), {}],
    metrics: [tellingOf({ ...off, metrics }), {}],
    log: [tellingOf({ ...off, accessLog }), {}],
    'tracing 5 %': [tellingOf({ ...off, tracing }), {}],
    'tracing 100 %': [tellingOf({ ...off, tracing }), sampled],
  };
  const provider = (trace.getTracerProvider() as ProxyTracerProvider).getDelegate();
  const { forceFlush } = provider as unknown as { forceFlush(): Promise<void> };
  const flush = () => forceFlush.call(provider);
  for (let warming = 0; warming < 3; warming++) {
    for (const one of cases) await cpuUsOf(...contenders[one], flush);
  }
  const measured = new Map<Case, number[]>(cases.map((one) => [one, []]));
  for (let round = 0; round < rounds; round++) {
    for (const one of cases) {
      measured.get(one)?.push(await cpuUsOf(...contenders[one], flush));
    }
  }
  const of = (one: Case) => measured.get(one) ?? [];
  const added = (one: Case) => median(of(one).map((us, at) => us - (of('off')[at] ?? 0)));
  const results: Results = {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} cores (${cpus()[0]?.model}), Linux ${release()}, Node ${process.version}`,
    loadAverage: load,
    rounds,
    requestsPerRound,
    cpuUs: Object.fromEntries(cases.map((one) => [one, median(of(one))])) as Results['cpuUs'],
    addedUs: Object.fromEntries(
      cases.flatMap((one) => (one === 'off' ? [] : [[one, added(one)]])),
    ) as Results['addedUs'],
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
