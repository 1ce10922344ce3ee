import { chmod, copyFile, mkdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runCommand } from '../command.ts';
import { cachedFile } from './cached-file.ts';
import { contentKey } from './content-key.ts';
import { ensureImageTools } from './tools.ts';

/** A root file system of a few Debian packages. */
export interface RootfsDefinition {
  name: string;
  /** Debian release, as the archive names it. */
  suite: string;
  /** Debian packages; what they depend on comes with them, nothing else. */
  packages: readonly string[];
  /** Whether Node goes into /usr/local/bin, from the npm package `node`. */
  node: boolean;
}

/** Where things are on this machine. */
export interface Places {
  /** Root of the repository. */
  repository: string;
  /** Folder for everything built. */
  cache: string;
}

const nodeBinary = 'node_modules/node/bin/node';

/** The key of a root file system: its definition, the finishing script and the version of Node. */
export async function rootfsKey(definition: RootfsDefinition, places: Places): Promise<string> {
  const script = await readFile(join(places.repository, 'images/rootfs/finish.sh'), 'utf8');
  const node = definition.node ? await nodeVersion(places) : '';
  return contentKey([JSON.stringify(definition), script, node, process.arch]);
}

/**
 * Path of the root file system as a tar file, from the cache or made by mmdebstrap in a few seconds.
 * The packages are extracted, not installed: no maintainer script runs and no essential package
 * comes unasked, which is what keeps it small. Fetches from Debian's archive; needs root.
 */
export async function ensureRootfs(definition: RootfsDefinition, places: Places): Promise<string> {
  const key = await rootfsKey(definition, places);
  const folder = join(places.cache, 'rootfs');
  return cachedFile({ folder, name: definition.name, key, kept: 2 }, async (path) => {
    await ensureImageTools();
    const root = `${path}.root`;
    try {
      await extractPackages(definition, root);
      if (definition.node) await addNode(root, places);
      await runCommand(join(places.repository, 'images/rootfs/finish.sh'), [root, path]);
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });
}

async function extractPackages(definition: RootfsDefinition, root: string): Promise<void> {
  await runCommand('mmdebstrap', [
    '--variant=extract',
    '--format=directory',
    // Releases since trixie have merged /usr and expect it; older ones do not mind.
    '--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr',
    // A mirror may be a frozen snapshot, whose lists are past their date.
    '--aptopt=Acquire::Check-Valid-Until "false"',
    `--include=${definition.packages.join(',')}`,
    definition.suite,
    root,
  ]);
}

async function addNode(root: string, places: Places): Promise<void> {
  const target = join(root, 'usr/local/bin/node');
  await mkdir(dirname(target), { recursive: true });
  await copyFile(join(places.repository, nodeBinary), target);
  await chmod(target, 0o755);
}

async function nodeVersion(places: Places): Promise<string> {
  const manifest = await readFile(
    join(places.repository, 'node_modules/node/package.json'),
    'utf8',
  );
  return (JSON.parse(manifest) as { version: string }).version;
}
