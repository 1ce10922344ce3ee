import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { waitUntil } from '../support/wait-until.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A router as the chart starts it, as a process of the test's machine. */
export interface RouterProcess {
  /** Where clients are served. */
  readonly address: string;
  /** Port of the demand stream. */
  readonly internalPort: number;
  readonly pid: number;
  /** Sends a signal, such as SIGSTOP. */
  signal(name: NodeJS.Signals): void;
  /** Sends SIGKILL and waits for the end. */
  kill(): Promise<void>;
}

/** A kubeconfig for an API server that asks nobody who they are. */
export function kubeconfigOf(server: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server } }],
    users: [{ name: 'test', user: {} }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  };
}

/** Starts `node router/main.ts` on free ports and waits until it is ready. */
export async function startRouterProcess(
  kubeconfigPath: string,
  name: string,
): Promise<RouterProcess> {
  let log = '';
  const child = spawn(process.execPath, ['router/main.ts'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      KUBECONFIG: kubeconfigPath,
      FAIRLEAD_HOST: '127.0.0.1',
      FAIRLEAD_PORT: '0',
      FAIRLEAD_INTERNAL_PORT: '0',
      FAIRLEAD_NAMESPACE: 'fairlead',
      FAIRLEAD_POD_NAME: name,
    },
  });
  const closed = once(child, 'close');
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      log += chunk;
    });
  const line = (message: string) =>
    log.split('\n').find((one) => one.includes(`"msg":"${message}"`));
  const listening = await waitUntil('the router is ready', () => {
    if (child.exitCode !== null) throw new Error(`the router ended:\n${log}`);
    return line('ready') && line('listening');
  });
  const { address, internal_address } = JSON.parse(listening);
  return {
    address,
    pid: child.pid ?? 0,
    internalPort: Number(new URL(internal_address).port),
    signal: (signal) => void child.kill(signal),
    async kill() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await closed;
    },
  };
}
