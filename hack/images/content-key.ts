import { createHash } from 'node:crypto';
import { glob, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

const keyLength = 12;

/** A file of a build context: where it is and what it holds. */
export interface SourceFile {
  /** Path relative to the context's folder. */
  path: string;
  content: Buffer;
  executable: boolean;
}

/**
 * Reads the files under `root` that match `patterns` (a folder stands for all in it) and none of
 * `excluded`, sorted by path.
 */
export async function readSources(
  root: string,
  patterns: readonly string[],
  excluded: readonly string[],
): Promise<SourceFile[]> {
  const all = patterns.flatMap((pattern) => [pattern, `${pattern}/**`]);
  const paths = new Set<string>();
  for await (const path of glob(all, { cwd: root, exclude: [...excluded] })) paths.add(path);
  const files = await Promise.all(
    [...paths].sort().map(async (path): Promise<SourceFile[]> => {
      const status = await stat(join(root, path));
      if (!status.isFile()) return [];
      const content = await readFile(join(root, path));
      return [{ path, content, executable: (status.mode & 0o111) !== 0 }];
    }),
  );
  return files.flat();
}

/** A short key that changes with any of the parts or of the files' paths and contents. */
export function contentKey(parts: readonly string[], files: readonly SourceFile[] = []): string {
  const hash = createHash('sha256').update(JSON.stringify(parts));
  for (const { path, content, executable } of files) {
    hash.update(JSON.stringify([path, executable, content.length])).update(content);
  }
  return hash.digest('hex').slice(0, keyLength);
}
