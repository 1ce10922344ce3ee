import { mkdir, readFile, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { SourceScheme } from '../../../crds/modeldeployment/source.ts';
import { type Fit, fitVariable } from '../fit.ts';
import { gigabytes, type Progress } from '../progress-text.ts';
import type { Form } from '../weights.ts';
import { type DownloadOptions, download } from './download.ts';
import { LoadError } from './errors.ts';
import { listGs } from './gs.ts';
import { listHttps } from './https.ts';
import { listHub } from './hub.ts';
import { unpack } from './layers.ts';
import { requireFit } from './memory.ts';
import { listOci } from './oci.ts';
import { isWeights, type Lister, type RemoteFile } from './remote-file.ts';
import { type Patience, persist } from './retry.ts';
import { listS3 } from './s3.ts';

const listers: Readonly<Partial<Record<SourceScheme, Lister>>> = {
  hf: listHub,
  https: listHttps,
  s3: listS3,
  gs: listGs,
  oci: listOci,
};

/** What is loaded, and where to. */
export interface LoadOptions {
  uri: URL;
  form: Form;
  folder: string;
  env: Readonly<Record<string, string | undefined>>;
  log(line: string): void;
  patience?: Patience;
  /** Told of every step. */
  onProgress?(progress: Progress): void;
}

/** Files at a time: one connection seldom fills the line, and a model has few files. */
const atOnce = 4;
const progressEveryMs = 10_000;

/**
 * Loads a source: list → room for it → every file → done.
 * @returns how much there is now
 * @throws LoadError with what the user can do
 */
export async function load(options: LoadOptions): Promise<{ files: number; bytes: number }> {
  const { uri, form, folder, env, log } = options;
  const { patience = { attempts: 8, firstPauseMs: 1_000 }, onProgress } = options;
  const lister = listers[uri.protocol.slice(0, -1) as SourceScheme];
  if (!lister) throw new LoadError('BadSource', `${uri.protocol} is nothing that can be loaded`);
  const files = await persist(
    () => lister({ uri, form, env }),
    () => 0,
    log,
    patience,
  );
  const totalBytes = sum(files);
  log(
    `${files.length} files, ${totalBytes === undefined ? 'size unknown' : gigabytes(totalBytes)}`,
  );

  let bytes = 0;
  const onBytes = (count: number) => {
    bytes += count;
    onProgress?.({ bytes, totalBytes: totalBytes ?? null });
  };
  onBytes(0);
  const of = totalBytes === undefined ? '' : ` of ${gigabytes(totalBytes)}`;
  const rest = [...files];
  const timer = setInterval(() => log(`${gigabytes(bytes)}${of}`), progressEveryMs);
  try {
    await makeFolder(folder);
    if (totalBytes !== undefined) await requireRoom(folder, files, totalBytes);
    const using = { onBytes, log, patience };
    if (env[fitVariable]) await judge(JSON.parse(env[fitVariable]), files, folder, using);
    const worker = async () => {
      for (let file = rest.shift(); file; file = rest.shift()) {
        await download(file, folder, using);
        log(`${file.path} is there`);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    for (const { path, layer } of files) if (layer) await unpack(join(folder, path), folder, layer);
  } finally {
    rest.length = 0;
    clearInterval(timer);
  }
  return { files: files.length, bytes };
}

/** By the sizes of the listing and, where there is one, the model's configuration, which is loaded first. */
async function judge(
  fit: Fit,
  files: readonly RemoteFile[],
  folder: string,
  using: DownloadOptions,
): Promise<void> {
  const weightsBytes = sum(files.filter(({ path }) => isWeights(path)));
  if (weightsBytes === undefined) return;
  requireFit(fit, weightsBytes, undefined);
  const config = files.find(({ path }) => path === 'config.json');
  if (!config) return;
  // It is counted when its turn comes.
  await download(config, folder, { ...using, onBytes: () => {} });
  requireFit(fit, weightsBytes, JSON.parse(await readFile(join(folder, config.path), 'utf8')));
}

/** Better said before an hour of loading than after it. */
async function requireRoom(
  folder: string,
  files: readonly RemoteFile[],
  totalBytes: number,
): Promise<void> {
  const { bavail, blocks, bsize } = await statfs(folder);
  let missingBytes = totalBytes;
  for (const { path } of files)
    for (const name of [path, `${path}.part`])
      missingBytes -= (await stat(join(folder, name)).catch(() => undefined))?.size ?? 0;
  const room = `a disk of ${gigabytes(blocks * bsize)} with ${gigabytes(bavail * bsize)} free`;
  if (missingBytes > bavail * bsize)
    throw new LoadError('NoSpace', `${gigabytes(missingBytes)} of weights do not fit on ${room}`);
}

/** In a cache it is the first thing that is written. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') throw error;
    const user = process.getuid?.() ?? 0;
    throw new LoadError('NotWritable', `user ${user} cannot write ${folder} (${code})`);
  }
}

function sum(files: readonly RemoteFile[]): number | undefined {
  let total = 0;
  for (const { sizeBytes } of files) {
    if (sizeBytes === undefined) return undefined;
    total += sizeBytes;
  }
  return total;
}
