import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { ClusterAccess } from '../support/kubectl.ts';

export interface PortForward {
  /** `http://127.0.0.1:<free port>` */
  origin: string;
  stop(): Promise<void>;
}

/** `kubectl port-forward` to a free local port, ready when this resolves. */
export async function portForward(
  access: ClusterAccess,
  namespace: string,
  target: string,
  port: number,
): Promise<PortForward> {
  const child = spawn(
    access.kubectlPath,
    ['--kubeconfig', access.kubeconfigPath, '-n', namespace, 'port-forward', target, `:${port}`],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const closed = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
  });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const localPort = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
    if (localPort === undefined) continue;
    child.stdout.resume();
    return {
      origin: `http://127.0.0.1:${localPort}`,
      stop: async () => {
        child.kill();
        await closed;
      },
    };
  }
  throw new Error(`kubectl port-forward ${target} ended: ${stderr}`);
}
