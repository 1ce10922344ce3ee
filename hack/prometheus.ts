import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from './cache.ts';
import { runCommand } from './command.ts';
import { withHostLock } from './host-lock.ts';

/** Paths of Prometheus and of the tool that judges its rules. */
export interface PrometheusTools {
  prometheusPath: string;
  promtoolPath: string;
}

/**
 * The machine's own Prometheus, else Debian's, fetched and unpacked once into the cache folder: installed, it
 * would start as a service.
 * @throws CommandError when apt-get cannot fetch it
 */
export async function ensurePrometheus(): Promise<PrometheusTools> {
  const folder = join(cacheDir(), 'prometheus');
  const toolsIn = (bin: string): PrometheusTools => ({
    prometheusPath: join(bin, 'prometheus'),
    promtoolPath: join(bin, 'promtool'),
  });
  const own = toolsIn('/usr/bin');
  if (existsSync(own.prometheusPath) && existsSync(own.promtoolPath)) return own;
  await withHostLock('prometheus', async () => {
    if (existsSync(folder)) return;
    const unfinished = `${folder}.unfinished`;
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { recursive: true });
    await runCommand('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=300', 'update']);
    await runCommand('apt-get', ['-q', 'download', 'prometheus'], { cwd: unfinished });
    const [archive = ''] = await readdir(unfinished);
    await runCommand('dpkg-deb', ['--extract', archive, '.'], { cwd: unfinished });
    await rm(join(unfinished, archive));
    await rename(unfinished, folder);
  });
  return toolsIn(join(folder, 'usr/bin'));
}
