import { spawn } from 'node:child_process';

const shownLines = 15;

/** A program ended with a non-zero status. The message closes with the last lines it printed. */
export class CommandError extends Error {
  readonly output: string;
  constructor(program: string, args: readonly string[], status: string, output: string) {
    const lastLines = output.trimEnd().split('\n').slice(-shownLines).join('\n');
    super(`${program} ${args.join(' ')}: ${status}\n${lastLines}`);
    this.output = output;
  }
}

/** What {@link runCommand} may be told besides the program and its arguments. */
export interface CommandOptions {
  cwd?: string;
  env?: Readonly<Record<string, string>>;
  /** Text for the program's standard input; none when absent. */
  input?: string;
  signal?: AbortSignal;
}

/** Runs a program to its end and returns its standard output; throws {@link CommandError}. */
export async function runCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const standardOutput: Buffer[] = [];
  const everything: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => {
    standardOutput.push(chunk);
    everything.push(chunk);
  });
  child.stderr.on('data', (chunk: Buffer) => everything.push(chunk));
  // A program that reads no input may end before it is written; its status tells what happened.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  child.on('error', reject);
  child.on('close', (code, signal) => {
    if (code === 0) return resolve(Buffer.concat(standardOutput).toString());
    const status = signal === null ? `status ${code}` : `ended by ${signal}`;
    reject(new CommandError(program, args, status, Buffer.concat(everything).toString()));
  });
  return promise;
}
