import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Cluster, loadImages } from '../cluster/cluster.ts';
import type { BuiltImage } from '../images/build.ts';

/**
 * Loads the images into the cluster's nodes, except those that were loaded last under their name. The
 * note of that lies in the cluster's own folder and goes with the cluster.
 */
export async function loadChangedImages(
  cluster: Cluster,
  images: readonly BuiltImage[],
): Promise<BuiltImage[]> {
  const notePath = join(dirname(cluster.kubeconfigPath), 'loaded-images.json');
  const loaded = await readNote(notePath);
  // An archive's name holds a key of its contents.
  const changed = images.filter((image) => loaded[image.shortName] !== image.archivePath);
  if (changed.length === 0) return [];
  await loadImages(
    cluster,
    changed.map(({ archivePath }) => archivePath),
  );
  for (const { shortName, archivePath } of changed) loaded[shortName] = archivePath;
  await writeFile(notePath, JSON.stringify(loaded, null, 2));
  return changed;
}

async function readNote(path: string): Promise<Record<string, string>> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Record<string, string>;
  } catch {
    // None yet, or half written: everything is loaded again.
    return {};
  }
}
