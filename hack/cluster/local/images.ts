import { spawn } from 'node:child_process';
import { createReadStream, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { hostEnvironment } from './environment.ts';
import type { NodeLayout } from './layout.ts';
import { namespacesOf } from './processes.ts';

/** A running node and where its programs come from. */
export interface NodePlace {
  node: NodeLayout;
  /** Process 1 of the node's namespaces as the host counts. */
  pid: number;
  binariesDir: string;
}

/**
 * Imports a docker or OCI archive into a node's containerd, where pods find it. Skips an archive
 * whose images are there and were imported last from this very file.
 */
export async function importImage(place: NodePlace, archivePath: string): Promise<void> {
  const recordPath = join(place.node.dir, 'imported-images.json');
  const key = fileKey(archivePath);
  const read = (): Record<string, string> =>
    existsSync(recordPath)
      ? (JSON.parse(readFileSync(recordPath, 'utf8')) as Record<string, string>)
      : {};
  const known = Object.entries(read()).flatMap(([name, from]) => (from === key ? [name] : []));
  if (known.length > 0) {
    const present = (await ctr(place, ['images', 'list', '--quiet'])).split('\n');
    if (known.every((name) => present.includes(name))) return;
  }
  const output = await ctr(place, ['images', 'import', '-'], archivePath);
  const names = [...output.matchAll(/^(\S+)\s+saved\s*$/gm)].map(([, name = '']) => name);
  const record = read();
  const overwritten = new Set([key, ...names.map((name) => record[name])]);
  // An archive that has lost one of its names to another is imported again when it is asked for.
  const kept = Object.entries(record).filter(([, from]) => !overwritten.has(from));
  const imported = names.map((name) => [name, key]);
  writeFileSync(recordPath, JSON.stringify(Object.fromEntries([...kept, ...imported])));
}

/** Changes with the file, not with the times on it. */
function fileKey(path: string): string {
  const { ino, size, birthtimeMs } = statSync(path);
  return `${path} ${ino} ${size} ${birthtimeMs}`;
}

async function ctr(
  { pid, binariesDir }: NodePlace,
  args: readonly string[],
  inputPath = '/dev/null',
): Promise<string> {
  const command = [join(binariesDir, 'ctr'), '--namespace', 'k8s.io', ...args];
  const child = spawn('nsenter', [...namespacesOf(pid), ...command], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: hostEnvironment(binariesDir),
  });
  const output: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => output.push(chunk));
  }
  const { promise: ended, resolve, reject } = Promise.withResolvers<number | null>();
  child.on('error', reject);
  child.on('close', resolve);
  const [sent, code] = await Promise.allSettled([
    pipeline(createReadStream(inputPath), child.stdin),
    ended,
  ]);
  const text = Buffer.concat(output).toString();
  if (code.status === 'fulfilled' && code.value === 0) return text;
  const cause = sent.status === 'rejected' ? sent.reason : undefined;
  throw new Error(`ctr ${args.join(' ')} < ${inputPath}: ${text.trim()}`, { cause });
}
