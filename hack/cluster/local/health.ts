import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Api } from './api.ts';
import type { Layout } from './layout.ts';
import { type ProgramStatus, programStatus } from './running.ts';

const pollIntervalMs = 50;
const logLines = 6;

/** A cluster is not as it should be; the message names the component, its log and its last lines. */
export class ClusterError extends Error {}

/**
 * Polls `probe` until it gives true. Throws {@link ClusterError} when the time is over, or at once
 * when one of `needed` has died meanwhile.
 */
export async function waitUntil(
  layout: Layout,
  what: string,
  needed: readonly string[],
  timeoutMs: number,
  probe: () => Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  let missingBefore: readonly string[] = [];
  const here = (): ProgramStatus[] =>
    programStatus(layout).filter(({ program }) => needed.includes(program));
  for (let round = 0; ; round++) {
    try {
      if (await probe()) return;
    } catch (error) {
      lastError = error;
    }
    // Looking at every process is worth a probe or two, not each of them.
    if (round % 10 === 9) {
      const missing = here().filter(({ pid }) => pid === undefined);
      const labels = missing.map(({ label }) => label);
      // One look may fall between a program's start and its taking over the starter's process.
      if (labels.some((label) => missingBefore.includes(label))) {
        throw new ClusterError(`${what}: ${labels.join(', ')} ended\n${logTails(missing)}`);
      }
      missingBefore = labels;
    }
    if (performance.now() > deadline) {
      const reason = lastError instanceof Error ? `: ${lastError.message}` : '';
      const logs = logTails(here());
      throw new ClusterError(`${what}: not within ${timeoutMs / 1000} s${reason}\n${logs}`);
    }
    await delay(pollIntervalMs);
  }
}

/** Whether the API server says that it is ready, its connection to etcd included. */
export async function isApiReady(api: Api): Promise<boolean> {
  return (await api.getText('/readyz')) === 'ok';
}

function logTails(programs: readonly ProgramStatus[]): string {
  return programs
    .filter(({ logPath }) => existsSync(logPath))
    .map(({ label, pid, logPath }) => {
      const lines = readFileSync(logPath, 'utf8').trimEnd().split('\n').slice(-logLines);
      const state = pid === undefined ? 'not running' : `process ${pid}`;
      return `${label} (${state}), ${logPath}:\n  ${lines.join('\n  ')}`;
    })
    .join('\n');
}
