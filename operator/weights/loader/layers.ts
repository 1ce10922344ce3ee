import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { stat, truncate } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { LoadError } from './errors.ts';
import type { Layer } from './remote-file.ts';

/**
 * Unpacks a layer of an image over what is there. What is left of it is an empty file, which says that it is
 * done, should the process start again. A deletion in a layer is none: images of models have no second one.
 * @throws LoadError when it cannot be read, or there is no room
 */
export async function unpack(path: string, folder: string, layer: Layer): Promise<void> {
  if ((await stat(path)).size === 0) return;
  const options = ['--no-same-owner', '--no-same-permissions', '--exclude=.wh.*'];
  const tar = spawn('tar', ['-x', '-C', folder, ...options], { stdio: ['pipe', 'ignore', 'pipe'] });
  let words = '';
  tar.stderr.setEncoding('utf8').on('data', (text: string) => {
    words += text;
  });
  const closed = once(tar, 'close');
  const decompress = { gzip: createGunzip, zstd: createZstdDecompress, none: undefined }[layer];
  const source = createReadStream(path);
  const fed = decompress ? pipeline(source, decompress(), tar.stdin) : pipeline(source, tar.stdin);
  // tar may end before it has read all: for a fault, which its own words tell, or at the archive's last block.
  const broken = await fed.catch((error: NodeJS.ErrnoException) =>
    endsOfReader.has(error.code) ? undefined : error,
  );
  const [code] = await closed;
  if (code !== 0 || broken) {
    const problem = words.trim().split('\n').at(-1) || String(broken ?? `tar ended with ${code}`);
    throw new LoadError(
      /No space left/.test(words) ? 'NoSpace' : 'BadSource',
      `a layer: ${problem}`,
    );
  }
  await truncate(path);
}

/** How a pipe breaks whose reader has gone. */
const endsOfReader: ReadonlySet<string | undefined> = new Set([
  'EPIPE',
  'ECONNRESET',
  'ERR_STREAM_PREMATURE_CLOSE',
]);
