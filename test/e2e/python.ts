import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDir } from '../../hack/cache.ts';
import { ensureHostPackages } from '../../hack/host-packages.ts';

const run = promisify(execFile);
const folder = join(import.meta.dirname, 'python');

/** Runs a script of `python/` in a virtual environment with the pinned SDK; returns its JSON output. */
export async function runPython<T>(
  script: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<T> {
  const python = join(await virtualEnvironment(), 'bin/python');
  const { stdout } = await run(python, [join(folder, script), ...args], {
    env: { ...process.env, ...env },
  });
  return JSON.parse(stdout) as T;
}

/** The environment lies in the cache under the checksum of its requirements and is made when missing. */
async function virtualEnvironment(): Promise<string> {
  const requirements = join(folder, 'requirements.txt');
  const checksum = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  const path = join(cacheDir(), 'python', checksum.slice(0, 16));
  if (existsSync(path)) return path;
  await ensureHostPackages(['python3-venv']);
  const unfinished = `${path}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await run('/usr/bin/python3', ['-m', 'venv', unfinished]);
  await run(join(unfinished, 'bin/python'), ['-m', 'pip', 'install', '-q', '-r', requirements]);
  await rename(unfinished, path);
  return path;
}
