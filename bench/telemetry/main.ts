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

/** What can be on. */
export const signals = ['metrics', 'log', 'tracing 5 %', 'tracing 100 %'] as const;
export type Signal = (typeof signals)[number];

/** One run, a line in results.jsonl; all times are CPU microseconds of a request. */
export interface Results {
  date: string;
  machine: string;
  /** Of the machine when the run began: more than its cores is in the way of the figures. */
  loadAverage: number;
  rounds: number;
  requestsPerPart: number;
  /** With nothing on: the record alone, which the router needs anyhow. */
  offUs: Spread;
  /** By one signal, to the mean of off before and behind it. */
  addedUs: Record<Signal, Spread>;
  /** To parse a fixed JSON text, in the same rounds: how fast the machine was. */
  parseUs: Spread;
}

const warmUps = 6;
const rounds = 60;
/** A round has nine parts: each signal once, and off before and behind each. The queue holds a part's spans. */
const requestsPerPart = 2_000;
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
  const tellings: Record<Signal | 'off', () => void> = {
    off: tellingOf(off),
    metrics: tellingOf({ ...off, metrics }),
    log: tellingOf({ ...off, accessLog }),
    'tracing 5 %': tellingOf({ ...off, tracing }),
    'tracing 100 %': tellingOf({ ...off, tracing }, { isSampled: true }),
  };
  const provider = (trace.getTracerProvider() as ProxyTracerProvider).getDelegate();
  const { forceFlush } = provider as unknown as { forceFlush(): Promise<void> };
  const flush = () => forceFlush.call(provider);
  const measure = (one: Signal | 'off') => cpuUsOf(tellings[one], requestsPerPart, flush);
  const offUs: number[] = [];
  const parseUs: number[] = [];
  const addedUs = new Map<Signal, number[]>(signals.map((signal) => [signal, []]));
  for (let round = -warmUps; round < rounds; round++) {
    if (round === 0) for (const some of [offUs, parseUs, ...addedUs.values()]) some.length = 0;
    parseUs.push(
      await cpuUsOf(
        () => JSON.parse(fixedText),
        requestsPerPart,
        async () => {},
      ),
    );
    let before = await measure('off');
    for (const signal of signals) {
      const on = await measure(signal);
      const behind = await measure('off');
      addedUs.get(signal)?.push(on - (before + behind) / 2);
      offUs.push(behind);
      before = behind;
    }
  }
  const added = [...addedUs].map(([signal, all]) => [signal, spreadOf(all)]);
  const results: Results = {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} cores (${cpus()[0]?.model}), Linux ${release()}, Node ${process.version}`,
    loadAverage: load,
    rounds,
    requestsPerPart,
    offUs: spreadOf(offUs),
    addedUs: Object.fromEntries(added),
    parseUs: spreadOf(parseUs),
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
