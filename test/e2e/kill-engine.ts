import { readdirSync, readFileSync } from 'node:fs';

/**
 * Sends SIGKILL to the engine process of a pod from the machine that runs the cluster.
 * The process is found by the pod's uid in its cgroup path: from inside its own PID namespace an
 * engine is process 1, which the kernel shields from SIGKILL.
 */
export function killEngine(podUid: string, program: string): void {
  const pids = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  const engine = pids.find(
    (pid) =>
      readProcessFile(pid, 'cgroup').includes(podUid) &&
      readProcessFile(pid, 'cmdline').split('\0')[0]?.endsWith(program),
  );
  if (engine === undefined) throw new Error(`no process ${program} of pod ${podUid}`);
  process.kill(Number(engine), 'SIGKILL');
}

/** Empty when the process ended meanwhile. */
function readProcessFile(pid: string, name: 'cgroup' | 'cmdline'): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}
