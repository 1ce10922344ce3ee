import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';

/** Nothing takes that long to make: what is older was left by a process that was killed. */
const abandonedAfterMs = 3_600_000;

const inProgress = new Map<string, Promise<string>>();

/**
 * The path of `<folder>/<name>-<key>.tar`, made by `make` when it is not there yet. `make` writes to
 * a path of its own that is renamed when complete, so a killed build leaves no half file under the
 * final name, and two builds at once do no harm; it may put other things beside it under names that
 * begin with that path. Of older files with the same name the `kept` most recently used stay.
 */
export function cachedFile(
  file: { folder: string; name: string; key: string; kept: number },
  make: (path: string) => Promise<void>,
): Promise<string> {
  const path = join(file.folder, `${file.name}-${file.key}.tar`);
  const running = inProgress.get(path);
  if (running !== undefined) return running;
  const started = fill(path, file, make).finally(() => inProgress.delete(path));
  inProgress.set(path, started);
  return started;
}

async function fill(
  path: string,
  file: { folder: string; name: string; kept: number },
  make: (path: string) => Promise<void>,
): Promise<string> {
  if (await exists(path)) {
    const now = new Date();
    await utimes(path, now, now);
    return path;
  }
  await mkdir(file.folder, { recursive: true });
  const partial = `${path}.${process.pid}.partial`;
  try {
    await make(partial);
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
  await removeOld(file.folder, file.name, file.kept);
  return path;
}

async function removeOld(folder: string, name: string, kept: number): Promise<void> {
  const own = new RegExp(`^${name}-[0-9a-f]+\\.tar(\\.\\d+\\.partial.*)?$`);
  const names = (await readdir(folder)).filter((entry) => own.test(entry));
  const files = await Promise.all(
    names.map(async (entry) => {
      const path = join(folder, entry);
      // Another process may have renamed it meanwhile.
      const ageMs = await stat(path).then(
        ({ mtimeMs }) => Date.now() - mtimeMs,
        () => 0,
      );
      return { path, ageMs, whole: entry.endsWith('.tar') };
    }),
  );
  const whole = files.filter((file) => file.whole).sort((a, b) => a.ageMs - b.ageMs);
  const abandoned = files.filter((file) => !file.whole && file.ageMs > abandonedAfterMs);
  for (const { path } of [...whole.slice(kept), ...abandoned]) {
    await rm(path, { recursive: true, force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
