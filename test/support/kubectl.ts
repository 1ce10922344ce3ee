import { spawn } from 'node:child_process';

/** How a test reaches the cluster; provided by `setup.ts`. */
export interface ClusterAccess {
  kubectlPath: string;
  kubeconfigPath: string;
  /** Each component's log, the API server's audit log among them. */
  logsDir: string;
}

/** kubectl ended with a non-zero status; `stderr` is what the user would read. */
export class KubectlError extends Error {
  readonly stderr: string;
  constructor(args: readonly string[], stderr: string) {
    super(`kubectl ${args.join(' ')}: ${stderr.trim()}`);
    this.stderr = stderr;
  }
}

/** kubectl as a user runs it, in one namespace. */
export interface Kubectl {
  /** Runs kubectl and returns its standard output; throws {@link KubectlError}. */
  run(args: readonly string[], input?: string): Promise<string>;
  /** `kubectl get … -o json`. */
  getJson<T>(...args: string[]): Promise<T>;
  /** `kubectl apply` of one object or a list of them, with strict field validation. */
  apply(...objects: object[]): Promise<string>;
  /** `kubectl wait --for=<condition> <what>`; throws when the deadline passes. */
  waitFor(what: string, condition: string, timeoutMs?: number): Promise<void>;
}

export function createKubectl(access: ClusterAccess, namespace: string): Kubectl {
  const run = (args: readonly string[], input = ''): Promise<string> =>
    new Promise((resolve, reject) => {
      const child = spawn(
        access.kubectlPath,
        ['--kubeconfig', access.kubeconfigPath, '--namespace', namespace, ...args],
        { stdio: ['pipe', 'pipe', 'pipe'] },
      );
      let stdout = '';
      let stderr = '';
      child.stdout.on('data', (chunk) => {
        stdout += chunk;
      });
      child.stderr.on('data', (chunk) => {
        stderr += chunk;
      });
      child.on('error', reject);
      child.on('close', (code) =>
        code === 0 ? resolve(stdout) : reject(new KubectlError(args, stderr)),
      );
      // kubectl may end, with its reason on stderr, before it has read its input.
      child.stdin.on('error', () => {});
      child.stdin.end(input);
    });
  return {
    run,
    getJson: async <T>(...args: string[]) =>
      JSON.parse(await run(['get', ...args, '-o', 'json'])) as T,
    apply: (...objects) =>
      run(
        ['apply', '--validate=strict', '-f', '-'],
        JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
      ),
    waitFor: async (what, condition, timeoutMs = 60_000) => {
      await run(['wait', what, `--for=${condition}`, `--timeout=${timeoutMs / 1000}s`]);
    },
  };
}
