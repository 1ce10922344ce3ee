import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Who is compared: this runtime, and the calls and informer of @kubernetes/client-node. */
export const contenders = ['fairlead', 'client-node'] as const;
export type Contender = (typeof contenders)[number];

/** What a worker needs to reach the cluster: one for each kind of client. */
export interface Access {
  server: string;
  token: string;
  ca: string;
  kubeconfigPath: string;
}

/** A process of its own, whose CPU and memory are nobody else's. */
export interface Worker {
  readonly child: ChildProcess;
  /** The next line it writes, as JSON. */
  next<T>(): Promise<T>;
  /** Writes one line to it. */
  tell(line: string): void;
  end(): Promise<void>;
}

/** Starts `script`, a file beside this one, with `input` as its only argument. */
export function startWorker(script: string, input: object): Worker {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(process.execPath, ['--expose-gc', path, JSON.stringify(input)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  const waiting: ((line: string | undefined) => void)[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => {
    const taker = waiting.shift();
    if (taker) taker(line);
    else lines.push(line);
  });
  reader.on('close', () => {
    for (const taker of waiting.splice(0)) taker(undefined);
  });
  const exited = new Promise<void>((resolve) => child.on('exit', () => resolve()));
  return {
    child,
    async next<T>(): Promise<T> {
      const line = lines.shift() ?? (await new Promise((resolve) => waiting.push(resolve)));
      if (line === undefined) throw new Error(`${script} ended early`);
      return JSON.parse(`${line}`) as T;
    },
    tell: (line) => void child.stdin.write(`${line}\n`),
    async end() {
      child.kill();
      await exited;
    },
  };
}

/** The input that {@link startWorker} gave, in the worker. */
export function workerInput<T>(): T {
  return JSON.parse(process.argv[2] ?? '') as T;
}

/** Sends one line to who started this worker. */
export function report(result: object): void {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

/** The middle value; of an even number the lower middle. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** @param share between 0 and 1 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}
