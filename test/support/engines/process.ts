import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { waitUntil } from '../wait-until.ts';

/** A real engine that runs on this machine's loopback. */
export interface EngineProcess {
  /** Such as `http://127.0.0.1:40123`. */
  readonly url: string;
  readonly port: number;
  /** The last of what it printed. */
  output(): string;
  /** Ends it at once. */
  stop(): Promise<void>;
}

const keptOutputBytes = 20_000;

/** The engine and all that it starts end with its first process, and that one ends with us. */
const contained = [
  ...['--pdeathsig', 'KILL', 'unshare', '--pid', '--fork', '--kill-child=KILL', '--mount-proc'],
];

/**
 * Starts an engine and waits until `/health` answers 200. The kernel ends it with this process.
 * @param commandLine program and arguments for a port on the loopback
 * @throws Error with the engine's last lines when it ends or is not ready within the time
 */
export async function startEngine(
  commandLine: (port: number) => readonly [string, ...string[]],
  options: { env?: Record<string, string>; readyTimeoutMs: number },
): Promise<EngineProcess> {
  const port = await freePort();
  const [program, ...args] = commandLine(port);
  const child = spawn('setpriv', [...contained, program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => {
      output = (output + data.toString()).slice(-keptOutputBytes);
    });
  }
  const url = `http://127.0.0.1:${port}`;
  const stop = () => end(child);
  try {
    await Promise.race([
      waitUntil(
        `${program} is healthy`,
        async () => ((await fetch(`${url}/health`)).ok ? true : undefined),
        options.readyTimeoutMs,
      ),
      once(child, 'exit').then(() => Promise.reject(new Error(`${program} ended`))),
    ]);
  } catch (error) {
    await stop();
    throw new Error(`${(error as Error).message}\n${output.slice(-3_000)}`, { cause: error });
  }
  return { url, port, output: () => output, stop };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** A port of the loopback that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
