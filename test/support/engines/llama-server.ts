import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from '../../../hack/cache.ts';
import { runCommand } from '../../../hack/command.ts';
import { withHostLock } from '../../../hack/host-lock.ts';
import { imageCatalog } from '../../../hack/images/catalog.ts';
import { contentKey } from '../../../hack/images/content-key.ts';
import { ensureRootfs, rootfsKey } from '../../../hack/images/rootfs.ts';
import { ggufAdapter } from '../gguf-adapter.ts';
import { type EngineProcess, startEngine } from './process.ts';

const places = { repository: join(import.meta.dirname, '../../..'), cache: cacheDir() };
const skiffModel = join(places.repository, 'test/models/skiff/tiny-chat.gguf');
const modelInRoot = '/skiff.gguf';
/** Adapters of the Skiff model, by their paths in the root folder. */
const adaptersInRoot = { '/law.gguf': ggufAdapter(1), '/med.gguf': ggufAdapter(2) };

/**
 * Starts the real llama-server with the Skiff model: the same files as in the image, in a root folder
 * of their own (chroot, hence root); its adapters `/law.gguf` and `/med.gguf` are there too.
 * @param args as on its command line; `-m`, `--host` and `--port` are given already
 */
export async function startLlamaServer(args: readonly string[]): Promise<EngineProcess> {
  const root = await unpackedRoot();
  return startEngine(
    (port) => [
      ...(['chroot', root, '/usr/bin/llama-server', '-m', modelInRoot] as const),
      ...['--host', '127.0.0.1', '--port', String(port), ...args],
    ],
    { env: { HOME: '/tmp' }, readyTimeoutMs: 60_000 },
  );
}

/** The image's root file system with the model in it, unpacked in the cache folder. */
async function unpackedRoot(): Promise<string> {
  const { rootfs } = imageCatalog['llama-server'];
  if (!rootfs) throw new Error('the llama-server image has no root file system');
  const model = await readFile(skiffModel);
  const adapters = Buffer.concat(Object.values(adaptersInRoot)).toString('base64');
  const key = contentKey([await rootfsKey(rootfs, places), model.toString('base64'), adapters]);
  const path = join(places.cache, 'roots', `${rootfs.name}-${key}`);
  await withHostLock(path, async () => {
    if (existsSync(path)) return;
    const unfinished = `${path}.unfinished`;
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { recursive: true });
    const archive = await ensureRootfs(rootfs, places);
    await runCommand('tar', ['--extract', '--file', archive, '--directory', unfinished]);
    await copyFile(skiffModel, join(unfinished, modelInRoot));
    for (const [file, content] of Object.entries(adaptersInRoot))
      await writeFile(join(unfinished, file), content);
    await rename(unfinished, path);
  });
  return path;
}
