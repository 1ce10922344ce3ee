import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../command.ts';
import { withHostLock } from '../host-lock.ts';
import { ensureImageTools } from './tools.ts';

/** What a builder is asked for. */
export interface BuildRequest {
  /** Name of the image in the builder's own storage. */
  shortName: string;
  /** Full name with tag, such as `local.test/skiff:1`. */
  name: string;
  dockerfile: string;
  /** Folder of the build context. */
  context: string;
  /** Path of the `docker save` archive to write. */
  archivePath: string;
}

/** Turns a Dockerfile and a context into an archive that containerd and Docker import. */
export interface Builder {
  /** Whether the context must hold `rootfs.tar` and `node_modules` (BASE=prepared). */
  prepared: boolean;
  build(request: BuildRequest): Promise<void>;
}

/**
 * buildah: no daemon, no registry, needs root on Linux. It runs in a mount namespace of its own, so
 * that a build that is killed leaves no mount behind, and one build at a time uses its storage.
 */
export function buildahBuilder(cache: string): Builder {
  const storage = join(cache, 'buildah');
  const buildah = (...args: string[]): Promise<string> =>
    runCommand('unshare', [
      ...['--mount', '--propagation', 'private', 'buildah', '--storage-driver', 'overlay'],
      ...['--root', join(storage, 'root'), '--runroot', join(storage, 'run'), ...args],
    ]);
  return {
    prepared: true,
    build: async ({ shortName, name, dockerfile, context, archivePath }) => {
      await ensureImageTools();
      await mkdir(storage, { recursive: true });
      await withHostLock('buildah', async () => {
        await buildah(
          ...['build', '--isolation', 'chroot', '--layers', '--build-arg', 'BASE=prepared'],
          // Files get one date too: the same contents give the same layers, which nodes have already.
          ...['--timestamp', '0', '--file', dockerfile, '--tag', `localhost/${shortName}`, context],
        );
        // Of the archive formats this one is not compressed, which would take longer than the rest.
        await buildah('push', `localhost/${shortName}`, `docker-archive:${archivePath}:${name}`);
        // The layers of the newest image of each name stay, for the next build. What a killed build
        // left in use is refused, and does no harm.
        await buildah('rmi', '--prune').catch(() => {});
      });
    },
  };
}

/** Docker, where there is one: base images from its registry. */
export function dockerBuilder(): Builder {
  return {
    prepared: false,
    build: async ({ name, dockerfile, context, archivePath }) => {
      await runCommand('docker', ['build', '--file', dockerfile, '--tag', name, context]);
      await runCommand('docker', ['save', '--output', archivePath, name]);
    },
  };
}
