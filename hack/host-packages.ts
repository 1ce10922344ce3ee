import { existsSync } from 'node:fs';
import { runCommand } from './command.ts';
import { withHostLock } from './host-lock.ts';

/** Debian packages are missing and cannot be installed from here; the message says what to do. */
export class HostPackagesError extends Error {
  constructor(missing: readonly string[], reason: string, options?: ErrorOptions) {
    super(
      `These Debian packages are needed and ${reason}: ${missing.join(' ')}\n` +
        `Install them, then try again: apt-get install ${missing.join(' ')}`,
      options,
    );
  }
}

/**
 * Installs those of the named Debian packages that are not installed, through apt-get.
 * Does nothing, and takes no rights, when none is missing. Calls at the same time wait for each other.
 * Throws {@link HostPackagesError} when not root, without apt-get, or when apt-get fails.
 */
export async function ensureHostPackages(names: readonly string[]): Promise<void> {
  if ((await missingPackages(names)).length === 0) return;
  await withHostLock('host-packages', async () => {
    const missing = await missingPackages(names);
    if (missing.length === 0) return;
    if (!existsSync('/usr/bin/apt-get')) {
      throw new HostPackagesError(missing, 'this is not a Debian-like system');
    }
    if (process.getuid?.() !== 0)
      throw new HostPackagesError(missing, 'only root can install them');
    // Another program, such as the daily upgrade, may hold apt's lock for a while.
    const apt = ['-q', '-y', '-o', 'DPkg::Lock::Timeout=300'];
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    try {
      await runCommand('apt-get', [...apt, 'update'], { env });
      const install = [...apt, 'install', '--no-install-recommends', ...missing];
      await runCommand('apt-get', install, { env });
    } catch (error) {
      throw new HostPackagesError(missing, 'apt-get could not install them', { cause: error });
    }
  });
}

async function missingPackages(names: readonly string[]): Promise<string[]> {
  const installed = new Set<string>();
  // dpkg-query ends with status 1 when it knows nothing of one of the names, yet lists the others.
  const query = ['-W', '-f', '$' + '{db:Status-Status} $' + '{Package}\n', ...names];
  const list = await runCommand('sh', [
    '-c',
    'dpkg-query "$@" 2>/dev/null || true',
    'sh',
    ...query,
  ]);
  for (const line of list.split('\n')) {
    const [status, name] = line.split(' ');
    if (status === 'installed' && name !== undefined) installed.add(name);
  }
  return names.filter((name) => !installed.has(name));
}
