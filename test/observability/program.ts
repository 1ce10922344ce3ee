import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { waitUntil } from '../support/wait-until.ts';

/**
 * Starts a program that the kernel ends with this process, and waits until it is ready; returns what ends it.
 * @throws Error with the last of its standard error when it ends before, or is not ready within a minute
 */
export async function startProgram(
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
