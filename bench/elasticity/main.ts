import { appendFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { type ColdStarts, measureColdStarts } from './cold-start.ts';
import { renderPage } from './page.ts';
import { measureReaction, type Reaction } from './reaction.ts';

/** One run, a line in results.jsonl. */
export interface Results {
  date: string;
  machine: string;
  /** Runnable processes before the run (the load average of a minute): other work on the machine. */
  load: number;
  reaction: Reaction;
  coldStarts: ColdStarts;
}

function describeMachine(): string {
  const memoryGib = Math.round(totalmem() / 2 ** 30);
  const model = cpus()[0]?.model ?? 'unknown CPU';
  return `${cpus().length} cores (${model}), ${memoryGib} GiB, Linux ${release()}, Node ${process.version}`;
}

async function main(): Promise<void> {
  const say = (line: string) => process.stderr.write(`${new Date().toISOString()} ${line}\n`);
  const load = Math.round(loadavg()[0] ?? 0);
  const reaction = await measureReaction(say);
  const coldStarts = await measureColdStarts(say);
  const date = new Date().toISOString().slice(0, 10);
  const results: Results = { date, machine: describeMachine(), load, reaction, coldStarts };
  // One line for each run, so that runs can be compared.
  appendFileSync(join(import.meta.dirname, 'results.jsonl'), `${JSON.stringify(results)}\n`);
  const page = renderPage(results);
  writeFileSync(join(import.meta.dirname, 'README.md'), page);
  process.stdout.write(page);
}

// Ends through the exit handlers, which take the processes along.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
await main();
process.exit(0);
