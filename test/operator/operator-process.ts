import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { waitUntil } from '../support/wait-until.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** An operator as the chart starts it, as a process of the test's machine. */
export interface OperatorProcess {
  /** Whether its log has this message. */
  logged(message: string): boolean;
  /** Sends SIGTERM and resolves with the exit code. */
  stop(): Promise<number | null>;
  /** Sends SIGKILL. */
  kill(): Promise<void>;
}

/**
 * Starts `node operator/main.ts` and waits until its caches are filled.
 * @param networkPid a process in whose network it runs, such as the cluster's, from where pods can be reached
 */
export async function startOperator(
  kubeconfigPath: string,
  variables: Record<string, string> = {},
  networkPid?: number,
): Promise<OperatorProcess> {
  let log = '';
  const enter = networkPid ? ['nsenter', '--target', `${networkPid}`, '--net', '--'] : [];
  const [program = '', ...args] = [...enter, process.execPath, 'operator/main.ts'];
  const child = spawn(program, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      KUBECONFIG: kubeconfigPath,
      FAIRLEAD_NAMESPACE: 'default',
      FAIRLEAD_POD_NAME: 'operator',
      FAIRLEAD_ROUTER_URL: 'http://fairlead-router.fairlead.svc/v1',
      FAIRLEAD_ENGINE_IMAGES: '{"LlamaCpp": "local.test/llama-server:1"}',
      FAIRLEAD_LOADER_IMAGE: 'local.test/fairlead:1',
      FAIRLEAD_PORT: '0',
      FAIRLEAD_LOG_LEVEL: 'debug',
      ...variables,
    },
  });
  const closed = once(child, 'close');
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      log += chunk;
    });
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await closed;
    return child.exitCode;
  };
  const logged = (message: string) => log.includes(`"msg":"${message}"`);
  await waitUntil('the operator has started', () => {
    if (child.exitCode !== null) throw new Error(`the operator ended:\n${log}`);
    return logged('caches are filled') ? true : undefined;
  });
  return { logged, stop: () => end('SIGTERM'), kill: async () => void (await end('SIGKILL')) };
}
