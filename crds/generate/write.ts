import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Path in the repository → content. */
export type GeneratedFiles = ReadonlyMap<string, string>;

/** The files that are missing or hold something else. */
export async function staleFiles(files: GeneratedFiles): Promise<string[]> {
  const stale: string[] = [];
  for (const [path, content] of files) {
    const present = await readFile(join(root, path), 'utf8').catch(() => undefined);
    if (present !== content) stale.push(path);
  }
  return stale;
}

/**
 * Writes the files that are stale. With `--check` on the command line it writes nothing, names them and
 * sets the exit code to 1.
 * @param command what writes them, for the message
 */
export async function writeOrCheck(files: GeneratedFiles, command: string): Promise<void> {
  const stale = await staleFiles(files);
  if (process.argv.includes('--check')) {
    if (stale.length === 0) return;
    console.error(`Not as generated: ${stale.join(', ')}\nRun: ${command}`);
    process.exitCode = 1;
    return;
  }
  for (const path of stale) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), files.get(path) ?? '');
    console.log(`wrote ${path}`);
  }
}

/** A Markdown table. */
export function table(head: readonly string[], body: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...body.map(line)].join('\n');
}
