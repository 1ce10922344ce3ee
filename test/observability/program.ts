import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitUntil } from '../support/wait-until.ts';

/** A program that runs in a folder of its own. */
export interface RunningProgram {
  folder: string;
  /** Ends it and removes the folder. */
  stop(): Promise<void>;
}

/**
 * Starts a program that the kernel ends with this process, and waits until it is ready.
 * @param prepare writes what the program needs into its folder; returns the command
 * @throws Error with the last of its standard error when it ends before, or is not ready within a minute
 */
export async function startProgram(
  name: string,
  prepare: (folder: string) => Promise<readonly string[]>,
  isReady: () => Promise<boolean>,
): Promise<RunningProgram> {
  const folder = await mkdtemp(join(tmpdir(), `fairlead-${name}-`));
  try {
    const end = await run(await prepare(folder), isReady);
    const stop = async () => {
      await end();
      await rm(folder, { recursive: true, force: true });
    };
    return { folder, stop };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function run(
  command: readonly string[],
  isReady: () => Promise<boolean>,
): Promise<() => Promise<void>> {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...command], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const closed = once(child, 'close');
  let log = '';
  child.stderr.on('data', (chunk) => {
    log = (log + chunk).slice(-5_000);
  });
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await closed;
  };
  try {
    await waitUntil('it is ready or ended', async () =>
      child.exitCode !== null || (await isReady()) ? true : undefined,
    );
    if (child.exitCode !== null) throw new Error(`it ended with status ${child.exitCode}`);
  } catch (error) {
    await stop();
    throw new Error(`${command.join(' ')}\n${log}`, { cause: error });
  }
  return stop;
}
