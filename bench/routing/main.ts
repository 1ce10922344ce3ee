import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type CaseResult, cases, runCase } from './cases.ts';
import { measureDecision } from './decision.ts';
import { measureEngines } from './engines.ts';
import { type Results, renderPage, renderPlots } from './page.ts';

const here = import.meta.dirname;

/**
 * Runs all cases, writes README.md and plots/ anew and adds a line to results.jsonl.
 * `--trace PATH` (or MOONCAKE_TRACE): Mooncake's conversation trace; without it its cases are left out.
 * `--engines`: real llama-servers too (root).
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { trace: { type: 'string' }, engines: { type: 'boolean' } },
  });
  const trace = values.trace ?? (process.env.MOONCAKE_TRACE || undefined);
  const say = (line: string) => process.stderr.write(`${new Date().toISOString()} ${line}\n`);
  const seeds = [11, 12];
  say('the cost of a decision');
  const decision = await measureDecision();
  if (values.engines) say('real engines');
  const engines = values.engines ? await measureEngines() : undefined;
  const done: CaseResult[] = [];
  for (const one of cases) {
    if (one.workload === 'mooncake' && trace === undefined) continue;
    const { workload, replicas, routers, rate } = one;
    say(`${workload}: ${replicas} replicas, ${routers} routers, rate ${rate}`);
    done.push(runCase(one, seeds, trace));
  }
  const date = new Date().toISOString().slice(0, 10);
  const machine = `${cpus().length} cores (${cpus()[0]?.model}), Linux ${release()}, Node ${process.version}`;
  const results: Results = {
    ...{ date, machine, decision, engines },
    ...{ seeds: seeds.length, cases: done },
  };
  // One line for each run, so that runs can be compared.
  appendFileSync(join(here, 'results.jsonl'), `${JSON.stringify(results)}\n`);
  writeFileSync(join(here, 'README.md'), renderPage(results));
  mkdirSync(join(here, 'plots'), { recursive: true });
  for (const [file, image] of renderPlots(done)) writeFileSync(join(here, 'plots', file), image);
}

await main();
