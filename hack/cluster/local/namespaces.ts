import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { hostEnvironment } from './environment.ts';
import type { Layout, NodeLayout } from './layout.ts';
import { innerPid, isRunning, killAndWait, listProcesses, startDaemon } from './processes.ts';

const clusterInit = join(import.meta.dirname, 'init-cluster.sh');
const nodeInit = join(import.meta.dirname, 'init-node.sh');
const newNamespaces = ['--net', '--mount', '--pid', '--uts', '--ipc', '--fork', '--kill-child'];
const unshare = ['unshare', ...newNamespaces, '--mount-proc', '--propagation', 'private', 'bash'];
const startTimeoutMs = 20_000;

/** Process 1 of the cluster's namespaces as the host counts, if it lives. */
export function findClusterInit(layout: Layout): number | undefined {
  return findInit([clusterInit, layout.dir]);
}

/** Process 1 of the node's namespaces as the host counts, if it lives. */
export function findNodeInit(layout: Layout, node: NodeLayout): number | undefined {
  return findInit([nodeInit, layout.dir, node.name]);
}

/** Makes the cluster's namespaces and returns their process 1 as the host counts. */
export async function startClusterNamespaces(layout: Layout): Promise<number> {
  const readyFile = join(layout.controlPlaneDir, 'namespaces-ready');
  rmSync(readyFile, { force: true });
  const logPath = join(layout.logsDir, 'namespaces.log');
  const log = openSync(logPath, 'a');
  const [program = '', ...args] = [...unshare, clusterInit, layout.dir, layout.name];
  const child = spawn(program, args, {
    detached: true,
    stdio: ['ignore', log, log],
    env: hostEnvironment(),
  });
  closeSync(log);
  child.unref();
  return readyInit(readyFile, logPath, () => findClusterInit(layout));
}

/** Makes a node's namespaces inside the cluster's and returns their process 1 as the host counts. */
export async function startNodeNamespaces(
  layout: Layout,
  clusterPid: number,
  node: NodeLayout,
): Promise<number> {
  const readyFile = join(node.dir, 'namespaces-ready');
  rmSync(readyFile, { force: true });
  const logPath = join(layout.logsDir, `namespaces-${node.name}.log`);
  const command = [...unshare, nodeInit, layout.dir, node.name, node.cgroup];
  await startDaemon({ initPid: clusterPid, command, logPath, env: hostEnvironment() });
  return readyInit(readyFile, logPath, () => findNodeInit(layout, node));
}

/** Ends every process in the namespaces, nested ones too, by ending their process 1. */
export async function killNamespaces(initPid: number): Promise<void> {
  // The kernel lets process 1 go only after everything else in its namespace.
  await killAndWait([initPid]);
}

function findInit(scriptAndArguments: readonly string[]): number | undefined {
  return listProcesses().find(
    ({ pid, argv }) =>
      argv[0] === 'bash' &&
      scriptAndArguments.every((part, index) => argv[index + 1] === part) &&
      innerPid(pid) === 1,
  )?.pid;
}

async function readyInit(
  readyFile: string,
  logPath: string,
  find: () => number | undefined,
): Promise<number> {
  const deadline = performance.now() + startTimeoutMs;
  for (;;) {
    const pid = existsSync(readyFile) ? find() : undefined;
    if (pid !== undefined && isRunning(pid)) return pid;
    if (performance.now() > deadline) {
      const log = readFileSync(logPath, 'utf8').trim().split('\n').slice(-5).join('\n');
      throw new Error(`namespaces not ready within ${startTimeoutMs} ms (${logPath}):\n${log}`);
    }
    await delay(10);
  }
}
