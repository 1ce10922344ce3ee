import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { glob, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from '../../cache.ts';
import { runCommand } from '../../command.ts';
import { withHostLock } from '../../host-lock.ts';
import { writePauseImage } from './pause-image.ts';

const sources = join(import.meta.dirname, '../components');
const programs = [
  'containerd',
  'containerd-shim-runc-v2',
  'coredns',
  'etcd',
  'kubernetes',
  'pause',
];
const kubernetesComponents = [
  ...['kube-apiserver', 'kube-controller-manager', 'kube-proxy', 'kube-scheduler', 'kubelet'],
];
const oldestGo = [1, 26] as const;
const progressIntervalMs = 20_000;
const keptBuilds = 3;

/** The folder with the cluster's programs; `key` changes with their sources and the way they are built. */
export interface Binaries {
  key: string;
  dir: string;
  pauseArchivePath: string;
}

/** The components could not be built; the message says why and where the compiler's output is. */
export class BuildError extends Error {}

/**
 * Builds the cluster's programs from Go modules when the cache lacks them; `log` is told how it goes.
 * Throws {@link BuildError}.
 */
export async function ensureBinaries(log: (line: string) => void): Promise<Binaries> {
  const flags = buildFlags();
  const key = await sourceKey([...flags, await goVersion()]);
  const dir = join(cacheDir(), 'components', key);
  const binaries = { key, dir, pauseArchivePath: join(dir, 'pause.tar') };
  if (existsSync(dir)) return binaries;
  return withHostLock(
    'components',
    async () => {
      if (existsSync(dir)) return binaries;
      const unfinished = `${dir}.unfinished`;
      await rm(unfinished, { recursive: true, force: true });
      await mkdir(unfinished, { recursive: true });
      await build(flags, unfinished, `${dir}.log`, log);
      for (const component of kubernetesComponents) {
        await symlink('kubernetes', join(unfinished, component));
      }
      await symlink('containerd', join(unfinished, 'ctr'));
      await writePauseImage(join(unfinished, 'pause'), join(unfinished, 'pause.tar'));
      await rename(unfinished, dir);
      await removeOld(join(cacheDir(), 'components'));
      return binaries;
    },
    () => log('waiting for another process that builds the components'),
  );
}

function buildFlags(): string[] {
  const modules = readFileSync(join(sources, 'go.mod'), 'utf8');
  const version = /k8s\.io\/kubernetes (v(\d+)\.(\d+)\.\d+)/.exec(modules);
  if (version === null) throw new BuildError('go.mod does not require k8s.io/kubernetes');
  const [, gitVersion, major, minor] = version;
  const set = (name: string, value = ''): string =>
    `-X k8s.io/component-base/version.${name}=${value}`;
  // Helm charts and clients compare these, so they must not say "unknown".
  const versions = [
    set('gitVersion', gitVersion),
    set('gitMajor', major),
    set('gitMinor', minor),
    set('gitTreeState', 'clean'),
  ];
  return [
    ...['-trimpath', '-buildvcs=false', '-tags=no_btrfs,no_zfs,no_devmapper,no_aufs'],
    // What -s -w would drop from the binary need not be made in the first place.
    '-gcflags=all=-dwarf=false',
    `-ldflags=-s -w ${versions.join(' ')}`,
  ];
}

async function sourceKey(parts: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(parts));
  const files: string[] = [];
  for await (const file of glob('**/*.{go,mod,sum}', { cwd: sources })) files.push(file);
  for (const file of files.sort()) {
    hash.update(`${file}\n`).update(await readFile(join(sources, file)));
  }
  return hash.digest('hex').slice(0, 16);
}

async function goVersion(): Promise<string> {
  const wanted = `Go ${oldestGo.join('.')} or newer is needed to build the cluster's components`;
  const version = await runCommand('go', ['env', 'GOVERSION'], { env: goEnvironment }).catch(
    (error: unknown) => {
      throw new BuildError(`${wanted}, and "go" is not to be run`, { cause: error });
    },
  );
  const [, major, minor] = /^go(\d+)\.(\d+)/.exec(version) ?? [];
  const tooOld =
    Number(major) < oldestGo[0] || (Number(major) === oldestGo[0] && Number(minor) < oldestGo[1]);
  if (major === undefined || tooOld) throw new BuildError(`${wanted}, not ${version.trim()}`);
  return version.trim();
}

const goEnvironment = { GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly', CGO_ENABLED: '0' };

async function build(
  flags: readonly string[],
  folder: string,
  logPath: string,
  log: (line: string) => void,
): Promise<void> {
  log('building Kubernetes, etcd, containerd and CoreDNS (once; several minutes)');
  const output = openSync(logPath, 'w');
  const packages = programs.map((program) => `./${program}`);
  const child = spawn('go', ['build', ...flags, '-v', '-o', `${folder}/`, ...packages], {
    cwd: sources,
    stdio: ['ignore', output, output],
    env: { ...process.env, ...goEnvironment },
  });
  const progress = setInterval(
    () => log(`still building: ${lastLine(logPath)}`),
    progressIntervalMs,
  );
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.on('error', reject);
  child.on('close', resolve);
  try {
    if ((await promise) !== 0) {
      const tail = readFileSync(logPath, 'utf8').trimEnd().split('\n').slice(-10).join('\n');
      throw new BuildError(`go build failed; its output is in ${logPath} and ends:\n${tail}`);
    }
  } finally {
    clearInterval(progress);
    closeSync(output);
  }
}

/** Keeps the newest builds: one to go back to, a clone of the repository that differs a little. */
async function removeOld(folder: string): Promise<void> {
  const builds = (await readdir(folder)).filter((entry) => /^[0-9a-f]{16}$/.test(entry));
  const aged = await Promise.all(
    builds.map(async (build) => ({ build, madeMs: (await stat(join(folder, build))).mtimeMs })),
  );
  aged.sort((a, b) => b.madeMs - a.madeMs);
  for (const { build } of aged.slice(keptBuilds)) {
    await rm(join(folder, build), { recursive: true, force: true });
    await rm(join(folder, `${build}.log`), { force: true });
  }
}

function lastLine(path: string): string {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  return `${lines.length} packages, ${lines.at(-1)}`;
}
