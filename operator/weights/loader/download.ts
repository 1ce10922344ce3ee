import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Response } from 'undici';
import { LoadError, TransientError } from './errors.ts';
import { causeOf, get, shown } from './http.ts';
import { openPartial, type PartialFile } from './partial-file.ts';
import type { RemoteFile } from './remote-file.ts';
import { type Patience, persist } from './retry.ts';

/** What a download tells while it runs. */
export interface DownloadOptions {
  /** Called with each count of bytes that are on disk; negative when some are thrown away. */
  onBytes(count: number): void;
  log(line: string): void;
  patience: Patience;
}

/**
 * Brings one file to `folder`. It grows beside its place and is renamed when it is whole and its checksum
 * right, so that a file in its place is never half. A cut goes on where it was, by Range; what an earlier
 * process left is continued only where a checksum will judge the whole.
 * @throws LoadError
 */
export async function download(
  file: RemoteFile,
  folder: string,
  { onBytes, log, patience }: DownloadOptions,
): Promise<void> {
  const target = join(folder, file.path);
  const presentBytes = await sizeOf(target);
  if (presentBytes !== undefined) return onBytes(presentBytes);
  const path = `${target}.part`;
  await mkdir(dirname(target), { recursive: true });
  if (!file.checksum) await rm(path, { force: true });
  const part = await openPartial(path, file.checksum?.algorithm);
  onBytes(part.atBytes);
  try {
    const answers: Answers = { etag: undefined, sizeBytes: file.sizeBytes };
    const attempt = () => receive(file, part, answers, onBytes);
    await persist(attempt, () => part.atBytes, log, patience);
    const digest = await part.finish();
    if (file.checksum && digest !== file.checksum.hex) {
      await rm(path, { force: true });
      const { algorithm, hex } = file.checksum;
      const problem = `${shown(file.url)}: its ${algorithm} is ${digest}, not ${hex}`;
      throw new LoadError('ChecksumMismatch', problem);
    }
    await rename(path, target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    throw new LoadError('NoSpace', `no space left for ${file.path}`, { cause: error });
  } finally {
    await part.close();
  }
}

/** What the server has said so far. */
interface Answers {
  /** Strong validator of the file that the bytes so far are from. */
  etag: string | undefined;
  sizeBytes: number | undefined;
}

/** One request for what is missing. Resolves when the file is whole. */
async function receive(
  file: RemoteFile,
  part: PartialFile,
  answers: Answers,
  onBytes: (count: number) => void,
): Promise<void> {
  if (answers.sizeBytes !== undefined && part.atBytes === answers.sizeBytes) return;
  const response = await get(
    file.url,
    {
      ...(await file.headers()),
      ...(part.atBytes > 0 && { range: `bytes=${part.atBytes}-` }),
      ...(part.atBytes > 0 && answers.etag && { 'if-range': answers.etag }),
    },
    file.explain,
  );
  const from = startOf(response);
  if (from !== part.atBytes) {
    // The server does not do ranges, or the file is another one by now: all of it anew.
    onBytes(-part.atBytes);
    await part.restart();
  }
  if (from !== 0 && from !== part.atBytes) {
    await response.body?.cancel();
    throw new TransientError(`${shown(file.url)}: no such range`);
  }
  const etag = response.headers.get('etag');
  answers.etag = etag?.startsWith('"') ? etag : undefined;
  const length = Number(response.headers.get('content-length') ?? Number.NaN);
  if (Number.isSafeInteger(length)) answers.sizeBytes ??= part.atBytes + length;
  try {
    for await (const chunk of response.body ?? []) {
      await part.append(chunk);
      onBytes(chunk.byteLength);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw error;
    throw new TransientError(
      `${shown(file.url)}: cut after ${part.atBytes} bytes: ${causeOf(error)}`,
    );
  }
  const { sizeBytes = part.atBytes } = answers;
  if (part.atBytes < sizeBytes)
    throw new TransientError(`${shown(file.url)}: cut after ${part.atBytes} of ${sizeBytes} bytes`);
  if (part.atBytes > sizeBytes) {
    const problem = `${shown(file.url)} has ${part.atBytes} bytes, not ${sizeBytes} as was listed`;
    throw new LoadError('ChecksumMismatch', problem);
  }
}

/** Where the body begins in the file; undefined when there is none. */
function startOf({ status, headers }: Response): number | undefined {
  if (status === 200) return 0;
  const range = /^bytes (\d+)-/.exec(headers.get('content-range') ?? '');
  return status === 206 && range ? Number(range[1]) : undefined;
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
