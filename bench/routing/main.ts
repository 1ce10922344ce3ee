import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cases, quickCases, runCase, severalRouters } from './cases.ts';
import { measureDecision } from './decision.ts';
import { measureEngines } from './engines/measure.ts';
import { measureOverload, overloadRuns } from './overload.ts';
import { type Results, renderPage, renderPlots } from './page.ts';
import { Pieces } from './pieces.ts';
import { own } from './rules/all.ts';

const here = import.meta.dirname;
const seeds = [11, 12, 13, 14];

/**
 * Runs all cases, writes README.md and plots/ anew and adds a line to results.jsonl.
 * `--trace PATH` (or MOONCAKE_TRACE): Mooncake's conversation trace; without it its cases are left out.
 * `--engines`: real llama-servers and a Service of a real cluster too (root), and vLLMs where they are installed.
 * `--quick`: of each workload one case.
 * `--pieces PATH`: keeps each piece there when it is done, and does not do those again that are there.
 * `--for-s SECONDS`: begins no piece after that time, and writes no page when one is left; exit status 3.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      trace: { type: 'string' },
      engines: { type: 'boolean' },
      quick: { type: 'boolean' },
      pieces: { type: 'string' },
      'for-s': { type: 'string' },
    },
  });
  const trace = values.trace ?? (process.env.MOONCAKE_TRACE || undefined);
  const pieces = new Pieces(values.pieces, Number(values['for-s'] ?? Number.POSITIVE_INFINITY));
  const isThere = ({ workload }: { workload: string }) =>
    workload !== 'mooncake' || trace !== undefined;

  const decision = await pieces.do('the cost of a decision', measureDecision);
  const engines = values.engines
    ? await pieces.do('real engines in a course of events', measureEngines)
    : undefined;
  const overload = [];
  for (const one of overloadRuns) {
    overload.push(await pieces.do(`overload ${JSON.stringify(one)}`, () => measureOverload(one)));
  }
  const done = [];
  for (const one of (values.quick ? quickCases : cases).filter(isThere)) {
    done.push(await pieces.do(JSON.stringify(one), () => runCase(one, seeds, trace)));
  }
  const several = [];
  for (const one of severalRouters.filter(isThere)) {
    const name = `several ${JSON.stringify(one)}`;
    several.push(await pieces.do(name, () => runCase(one, seeds, trace, [own])));
  }
  if (!decision || pieces.left > 0) {
    process.stderr.write(`${pieces.left} pieces are left\n`);
    process.exitCode = 3;
    return;
  }
  const date = new Date().toISOString().slice(0, 10);
  const machine = `${cpus().length} cores (${cpus()[0]?.model}), Linux ${release()}, Node ${process.version}`;
  const results: Results = {
    ...{ date, machine, decision, engines },
    ...{ seeds: seeds.length, cases: done.flatMap((one) => one ?? []) },
    several: several.flatMap((one) => one ?? []),
    overload: overload.flatMap((one) => one ?? []),
  };
  // One line for each run, so that runs can be compared.
  appendFileSync(join(here, 'results.jsonl'), `${JSON.stringify(results)}\n`);
  writeFileSync(join(here, 'README.md'), renderPage(results));
  mkdirSync(join(here, 'plots'), { recursive: true });
  for (const [file, image] of renderPlots(results.cases)) {
    writeFileSync(join(here, 'plots', file), image);
  }
}

await main();
// Connections to engines that were ended may still be open.
process.exit();
