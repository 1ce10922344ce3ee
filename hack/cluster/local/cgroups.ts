import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const root = '/sys/fs/cgroup';
const removeTimeoutMs = 10_000;

/**
 * Removes a control group with all below it, in every hierarchy (version 1 has several, version 2
 * one). No process may be left in it; the kernel may take a moment to see that.
 */
export async function removeCgroup(cgroup: string): Promise<void> {
  const deadline = performance.now() + removeTimeoutMs;
  for (const folder of cgroupFolders(cgroup)) {
    for (const group of bottomUp(folder)) {
      while (!removed(group)) {
        if (performance.now() > deadline) {
          throw new Error(`control group ${group} is still in use after ${removeTimeoutMs} ms`);
        }
        await delay(20);
      }
    }
  }
}

/** The folders in which the control group exists. */
export function cgroupFolders(cgroup: string): string[] {
  if (existsSync(join(root, 'cgroup.controllers'))) {
    return [join(root, cgroup)].filter((folder) => existsSync(folder));
  }
  return readdirSync(root)
    .map((hierarchy) => join(root, hierarchy, cgroup))
    .filter((folder) => existsSync(folder));
}

function bottomUp(folder: string): string[] {
  const below = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => bottomUp(join(folder, entry.name)));
  return [...below, folder];
}

function removed(group: string): boolean {
  try {
    rmdirSync(group);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EBUSY') return false;
    if (code === 'ENOENT') return true;
    throw error;
  }
}
