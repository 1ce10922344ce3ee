import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { cacheDir } from './cache.ts';
import { CommandError, runCommand } from './command.ts';
import { withHostLock } from './host-lock.ts';
import { ensureHostPackages } from './host-packages.ts';

/** A virtual environment of Debian's Python with pinned packages in it. */
export interface PythonEnvironment {
  /** Name in the cache folder. */
  name: string;
  /** Path of the requirements file; its content is the key. */
  requirements: string;
  /** What pip is told besides, such as `--no-deps`. */
  pipOptions?: readonly string[];
  /** Completes the environment after pip; a change of it needs a changed requirements file. */
  finish?: (folder: string) => Promise<void>;
  /** Told what pip does, line by line. */
  log?: (line: string) => void;
}

/**
 * The folder of the environment, made when it is not there yet; its Python is `bin/python` in it.
 * It appears under its name only when complete, and processes that want the same one wait for each
 * other. Environments of the same name with other requirements are removed.
 * @throws HostPackagesError when Debian's python3-venv cannot be had
 * @throws CommandError when pip fails; its last lines are in the message
 */
export async function ensurePythonEnvironment(environment: PythonEnvironment): Promise<string> {
  const path = await pythonEnvironmentPath(environment);
  if (existsSync(path)) return path;
  return withHostLock(path, async () => {
    if (!existsSync(path)) await make(environment, path);
    return path;
  });
}

/** Where {@link ensurePythonEnvironment} puts it, whether it is there or not. */
export async function pythonEnvironmentPath(environment: PythonEnvironment): Promise<string> {
  const { name, requirements } = environment;
  const checksum = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex');
  return join(cacheDir(), 'python', `${name}-${checksum.slice(0, 12)}`);
}

async function make(environment: PythonEnvironment, path: string): Promise<void> {
  const { name, requirements, pipOptions = [], finish, log = () => {} } = environment;
  await ensureHostPackages(['python3-venv']);
  const folder = join(path, '..');
  await mkdir(folder, { recursive: true });
  for (const entry of await readdir(folder)) {
    const older =
      entry.startsWith(`${name}-`) &&
      /^[0-9a-f]{12}(\.unfinished)?$/.test(entry.slice(name.length + 1));
    if (older) await rm(join(folder, entry), { recursive: true, force: true });
  }
  const unfinished = `${path}.unfinished`;
  await runCommand('/usr/bin/python3', ['-m', 'venv', unfinished]);
  const pip = ['-m', 'pip', 'install', '--progress-bar', 'off', '--disable-pip-version-check'];
  await runLogged(join(unfinished, 'bin/python'), [...pip, ...pipOptions, '-r', requirements], log);
  await finish?.(unfinished);
  await rename(unfinished, path);
}

/** Runs a program to its end, telling each line of its output. */
async function runLogged(
  program: string,
  args: readonly string[],
  log: (line: string) => void,
): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      log(line);
    });
  }
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.on('error', reject);
  child.on('close', (code, signal) => {
    if (code === 0) return resolve();
    const status = signal === null ? `status ${code}` : `ended by ${signal}`;
    reject(new CommandError(program, args, status, lines.join('\n')));
  });
  return promise;
}
