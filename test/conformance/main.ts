/** `node test/conformance/main.ts [UPSTREAM…]`: compares direct and routed, for all or the named ones. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { timedLog } from '../../hack/cluster/progress.ts';
import { differencesOf } from './compare.ts';
import { pagePath, pageWith, sectionOf } from './page.ts';
import { runConformance } from './run.ts';
import { upstreamNames } from './upstreams.ts';

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !upstreamNames.some((known) => known === name));
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(' ')}; there are ${upstreamNames.join(' ')}`);
  process.exit(2);
}
const log = timedLog(console.log);
const page = join(import.meta.dirname, '../..', pagePath);
let differences = 0;
for (const name of upstreamNames) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const results = await runConformance(name, log);
  for (const line of differencesOf(results)) {
    differences++;
    console.log(line);
  }
  const section = sectionOf(name, results);
  console.log(`\n${section}`);
  const present = await readFile(page, 'utf8').catch(() => '');
  await writeFile(page, pageWith(present, name, section));
}
console.log(`${differences} differences`);
process.exitCode = differences === 0 ? 0 : 1;
