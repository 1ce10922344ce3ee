import { chmod, copyFile, link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cacheDir } from '../cache.ts';
import { type Builder, buildahBuilder, dockerBuilder } from './builder.ts';
import { cachedFile } from './cached-file.ts';
import { type ImageDefinition, type ImageName, imageCatalog, imageNames } from './catalog.ts';
import { contentKey, readSources, type SourceFile } from './content-key.ts';
import { ensureModules, modulesKey } from './node-modules.ts';
import { ensureRootfs, type Places, rootfsKey } from './rootfs.ts';

/** An image as an archive on this machine. */
export interface BuiltImage {
  shortName: ImageName;
  /** Full name with tag, the one inside the archive. */
  name: string;
  /** `docker save` archive: `ctr image import`, `docker load`, `kind load image-archive`. */
  archivePath: string;
}

export interface BuildOptions {
  /** Which images; all when absent. */
  names?: readonly ImageName[];
  /** Told of each image that is really built, with the seconds it took. */
  log?: (line: string) => void;
  /** `docker` takes base images from a registry; `buildah` (default) needs root on Debian. */
  engine?: 'buildah' | 'docker';
}

/**
 * Makes the images, side by side. What an image depends on is hashed first: when nothing changed,
 * its archive comes from the cache folder within milliseconds.
 */
export async function buildImages(options: BuildOptions = {}): Promise<BuiltImage[]> {
  const places: Places = { repository: join(import.meta.dirname, '../..'), cache: cacheDir() };
  const builder = options.engine === 'docker' ? dockerBuilder() : buildahBuilder(places.cache);
  const log = options.log ?? (() => {});
  return Promise.all(
    (options.names ?? imageNames).map((name) => buildImage(name, builder, places, log)),
  );
}

async function buildImage(
  shortName: ImageName,
  builder: Builder,
  places: Places,
  log: (line: string) => void,
): Promise<BuiltImage> {
  const image = imageCatalog[shortName];
  const inputs = await readInputs(image, builder, places);
  const name = `${image.repository}:${image.tag === 'content' ? inputs.key : image.tag}`;
  const archive = {
    folder: join(places.cache, 'images'),
    name: shortName,
    key: inputs.key,
    kept: 2,
  };
  const archivePath = await cachedFile(archive, async (path) => {
    const startedMs = performance.now();
    const context = `${path}.context`;
    try {
      await stageContext(context, image, inputs.sources, builder, places);
      const dockerfile = join(places.repository, image.dockerfile);
      await builder.build({ shortName, name, dockerfile, context, archivePath: path });
    } finally {
      await rm(context, { recursive: true, force: true });
    }
    log(`built ${name} in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  });
  return { shortName, name, archivePath };
}

interface Inputs {
  key: string;
  sources: SourceFile[];
}

async function readInputs(
  image: ImageDefinition,
  builder: Builder,
  places: Places,
): Promise<Inputs> {
  const sources = await readSources(
    join(places.repository, image.context),
    image.sources,
    image.excluded,
  );
  const parts = await Promise.all([
    readFile(join(places.repository, image.dockerfile), 'utf8'),
    image.rootfs === undefined ? '' : rootfsKey(image.rootfs, places),
    image.modules === undefined ? '' : modulesKey(image.modules, places),
    builder.prepared ? 'prepared' : 'docker',
  ]);
  return { key: contentKey(parts, sources), sources };
}

/** Fills the context with exactly what the Dockerfile may copy: nothing else can slip into an image. */
async function stageContext(
  context: string,
  image: ImageDefinition,
  sources: readonly SourceFile[],
  builder: Builder,
  places: Places,
): Promise<void> {
  await mkdir(context);
  await Promise.all(
    sources.map(async ({ path, content, executable }) => {
      const target = join(context, path);
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, content);
      await chmod(target, executable ? 0o755 : 0o644);
    }),
  );
  if (builder.prepared) await linkPrepared(image, context, places);
  else await copyLockFiles(image, context, places);
}

/** What BASE=prepared adds to the image. */
async function linkPrepared(
  image: ImageDefinition,
  context: string,
  places: Places,
): Promise<void> {
  const [rootfs, modules] = await Promise.all([
    image.rootfs === undefined ? undefined : ensureRootfs(image.rootfs, places),
    image.modules === undefined ? undefined : ensureModules(image.modules, places),
  ]);
  if (rootfs !== undefined) await link(rootfs, join(context, 'rootfs.tar'));
  if (modules !== undefined) await link(modules, join(context, 'modules.tar'));
}

/** With Docker the Dockerfile runs npm itself and wants the files that npm reads. */
async function copyLockFiles(
  image: ImageDefinition,
  context: string,
  places: Places,
): Promise<void> {
  if (image.modules !== 'production') return;
  for (const file of ['package-lock.json', '.npmrc']) {
    await copyFile(join(places.repository, file), join(context, file));
  }
}
