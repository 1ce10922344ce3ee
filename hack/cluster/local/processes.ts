import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** A running process, with its number as the host counts. */
export interface HostProcess {
  pid: number;
  argv: readonly string[];
}

/** All processes of the machine that have a command line (kernel threads and zombies have none). */
export function listProcesses(): HostProcess[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => {
      const commandLine = unlessGone(() => readFileSync(`/proc/${entry}/cmdline`, 'utf8'));
      if (commandLine === undefined || commandLine === '') return [];
      return [{ pid: Number(entry), argv: commandLine.replace(/\0$/, '').split('\0') }];
    });
}

/** The processes in the PID namespace whose process 1 is `initPid`, nested namespaces left out. */
export function processesIn(initPid: number): HostProcess[] {
  const namespace = pidNamespace(initPid);
  if (namespace === undefined) return [];
  return listProcesses().filter(({ pid }) => pidNamespace(pid) === namespace);
}

/** The process that was started as `program` in that PID namespace, if it runs. */
export function findProgram(initPid: number, program: string): number | undefined {
  return processesIn(initPid).find(({ argv }) => basename(argv[0] ?? '') === program)?.pid;
}

/** The process's number in its own PID namespace. */
export function innerPid(pid: number): number | undefined {
  const status = unlessGone(() => readFileSync(`/proc/${pid}/status`, 'utf8'));
  const inner = status?.match(/^NSpid:.*\t(\d+)$/m)?.[1];
  return inner === undefined ? undefined : Number(inner);
}

/** Sends SIGKILL and waits until the processes are gone; those already gone are no error. */
export async function killAndWait(pids: readonly number[], timeoutMs = 10_000): Promise<void> {
  for (const pid of pids) {
    unlessGone(() => process.kill(pid, 'SIGKILL'));
  }
  const deadline = performance.now() + timeoutMs;
  while (pids.some((pid) => isRunning(pid))) {
    if (performance.now() > deadline) {
      throw new Error(`processes ${pids.join(', ')} are still there ${timeoutMs} ms after SIGKILL`);
    }
    await delay(10);
  }
}

/** Whether the process exists and is not a zombie. */
export function isRunning(pid: number): boolean {
  const status = unlessGone(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  return status !== undefined && !/\) [ZX] /.test(status);
}

/** A program to start inside namespaces. */
export interface DaemonStart {
  /** Process 1 of the namespaces to start in, as the host counts. */
  initPid: number;
  command: readonly string[];
  /** Gets the standard output and error, appended. */
  logPath: string;
  env: Readonly<Record<string, string>>;
}

/** Starts a program that lives on without this process, as a child of the namespaces' process 1. */
export async function startDaemon({ initPid, command, logPath, env }: DaemonStart): Promise<void> {
  // The shell ends at once, which makes process 1 of the namespace the parent of the program.
  const detached = ['bash', '-c', 'setsid "$@" < /dev/null &', 'bash', ...command];
  mkdirSync(dirname(logPath), { recursive: true });
  const log = openSync(logPath, 'a');
  try {
    await run('nsenter', [...namespacesOf(initPid), ...detached], log, env);
  } finally {
    closeSync(log);
  }
}

/** nsenter's arguments for all namespaces of a cluster or a node. */
export function namespacesOf(initPid: number): string[] {
  return ['--target', String(initPid), '--net', '--mount', '--pid', '--uts', '--ipc', '--'];
}

function run(
  program: string,
  args: readonly string[],
  log: number,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = spawn(program, args, { stdio: ['ignore', log, log], env: { ...env } });
  child.on('error', reject);
  child.on('close', (code, signal) =>
    code === 0 ? resolve() : reject(new Error(`${program} ended with ${signal ?? code}`)),
  );
  return promise;
}

/** Names the process's PID namespace; undefined when it has gone or is hidden. */
export function pidNamespace(pid: number): string | undefined {
  return unlessGone(() => readlinkSync(`/proc/${pid}/ns/pid`));
}

/** Processes come and go while one looks at them: undefined for one that has gone, or is hidden. */
function unlessGone<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES') return undefined;
    throw error;
  }
}
