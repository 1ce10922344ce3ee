import { writeFile } from 'node:fs/promises';
import type { Progress } from '../progress-text.ts';
import type { Form } from '../weights.ts';
import { LoadError } from './errors.ts';
import { load } from './load.ts';
import { serveProgress } from './progress-server.ts';
import { terminationLog } from './termination-log.ts';

/**
 * `node operator/weights/loader/main.ts <uri> <file|folder> <path>`, run in an init container of a model's
 * pod or in the Job of a cache. Ends with 0 when the weights are there. Otherwise its last words are the container's
 * termination message, which the operator puts into the status.
 */
const [uri = '', form = '', folder = ''] = process.argv.slice(2);
const log = (line: string) => console.log(`${new Date().toISOString()} ${line}`);

let progress: Progress = { bytes: 0, totalBytes: null };
serveProgress(() => progress);

process.once('SIGTERM', () => process.exit(143));
try {
  const startedMs = performance.now();
  const { files, bytes } = await load({
    uri: new URL(uri),
    form: form as Form,
    folder,
    env: process.env,
    log,
    onProgress(now) {
      progress = now;
    },
  });
  const seconds = (performance.now() - startedMs) / 1000;
  log(`done: ${files} files, ${bytes} bytes in ${seconds.toFixed(1)} s`);
} catch (error) {
  const words = error instanceof LoadError ? error.message : String(error);
  log(words);
  await writeFile(terminationLog, words).catch(() => {});
  process.exit(1);
}
