import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Fit, fitVariable } from '../fit.ts';
import { requireFit } from './memory.ts';
import { isWeights } from './remote-file.ts';
import { terminationLog } from './termination-log.ts';

/**
 * `node operator/weights/loader/fit-main.ts <folder>`, run in an init container before an engine whose weights are
 * mounted: ends with 0 when they fit into the accelerators' memory. Otherwise its last words are the container's
 * termination message, as those of the loader.
 */
const [folder = ''] = process.argv.slice(2);
const fit: Fit = JSON.parse(process.env[fitVariable] ?? '');

// The same weights may be there in several forms; engines take these first.
const names = await readdir(folder);
const shards = names.filter((name) => /^model.*\.safetensors$/.test(name));
let weightsBytes = 0;
for (const name of shards.length > 0 ? shards : names.filter(isWeights))
  weightsBytes += (await stat(join(folder, name))).size;
const config = await readFile(join(folder, 'config.json'), 'utf8').catch(() => undefined);
try {
  requireFit(fit, weightsBytes, config === undefined ? undefined : JSON.parse(config));
} catch (error) {
  const words = error instanceof Error ? error.message : String(error);
  console.log(words);
  await writeFile(terminationLog, words).catch(() => {});
  process.exit(1);
}
