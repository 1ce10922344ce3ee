import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../command.ts';
import { cachedFile } from './cached-file.ts';
import { contentKey } from './content-key.ts';
import type { Places } from './rootfs.ts';

/** npm packages of an image: those the lock file does not mark as for development only, or by name. */
export type WantedPackages = 'production' | readonly string[];

interface LockedPackage {
  version?: string;
  integrity?: string;
  dev?: boolean;
  devOptional?: boolean;
  optional?: boolean;
}

/**
 * What Node never reads (it takes no TypeScript from node_modules, and *.bare are another runtime's),
 * about two thirds of the bytes. Licences stay.
 */
const needless = ['*.map', '*.md', '*.ts', '*.mts', '*.cts', '*.bare', '*.tsbuildinfo'];

/** Changes with the version or the checksum of any wanted package. */
export async function modulesKey(wanted: WantedPackages, places: Places): Promise<string> {
  const packages = await lockedPackages(wanted, places);
  const identities = packages.map(([path, { version, integrity }]) => [path, version, integrity]);
  return contentKey([JSON.stringify(identities), needless.join()]);
}

/**
 * Path of a tar file with `node_modules/` in it: what `npm ci --omit=dev` would install, packed from
 * the packages that are installed here already, so that no registry is asked.
 */
export async function ensureModules(wanted: WantedPackages, places: Places): Promise<string> {
  const key = await modulesKey(wanted, places);
  const file = { folder: join(places.cache, 'modules'), name: 'modules', key, kept: 4 };
  return cachedFile(file, async (path) => {
    const folders = await installedFolders(wanted, places);
    const args = [
      ...['--create', '--file', path, '--directory', places.repository],
      ...[
        '--sort=name',
        '--mtime=@0',
        '--numeric-owner',
        '--owner=0',
        '--group=0',
        '--mode=go=u-w',
      ],
      ...needless.map((pattern) => `--exclude=${pattern}`),
      '--files-from=-',
    ];
    await runCommand('tar', args, { input: folders.join('\n') });
  });
}

/** A package that lies inside another one comes with that one's folder. */
async function installedFolders(wanted: WantedPackages, places: Places): Promise<string[]> {
  const folders: string[] = [];
  for (const [path, entry] of await lockedPackages(wanted, places)) {
    if (path.lastIndexOf('node_modules/') > 0) continue;
    const installed = await access(join(places.repository, path)).then(
      () => true,
      () => false,
    );
    // An optional package may be for another platform.
    if (installed || !entry.optional) folders.push(path);
  }
  return folders;
}

async function lockedPackages(
  wanted: WantedPackages,
  places: Places,
): Promise<[string, LockedPackage][]> {
  const text = await readFile(join(places.repository, 'package-lock.json'), 'utf8');
  const { packages } = JSON.parse(text) as { packages: Record<string, LockedPackage> };
  return Object.entries(packages).filter(([path, entry]) =>
    wanted === 'production'
      ? path !== '' && !entry.dev && !entry.devOptional
      : wanted.some((name) => path === `node_modules/${name}`),
  );
}
