import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { glob, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cacheDir } from '../cache.ts';
import { runCommand } from '../command.ts';
import { withHostLock } from '../host-lock.ts';
import { kedaSource } from './keda/source.ts';

/** Programs of others that tests run against, by what they are, with the package that is built. */
export const programs = {
  /** An S3 server over a folder. */
  versitygw: 'github.com/versity/versitygw/cmd/versitygw',
  /** An image registry that keeps everything in memory. */
  registry: 'github.com/google/go-containerregistry/cmd/registry',
  /** The controller of LeaderWorkerSets. */
  lws: 'sigs.k8s.io/lws/cmd',
  /** Kubernetes' own kubelet plugin with devices that are none (dynamic resource allocation). */
  'dra-driver': 'k8s.io/kubernetes/test/e2e/dra/test-driver',
  /** An OpenTelemetry Collector that writes the traces it gets into a file. */
  collector: '.',
  /** KEDA's operator, with its external triggers alone: see keda/source.ts. */
  keda: './cmd/operator',
  /** What answers a HorizontalPodAutoscaler for KEDA. */
  'keda-adapter': './cmd/adapter',
} as const;

export type ProgramName = keyof typeof programs;

export const kedaModule = 'github.com/kedacore/keda/v2';

/** A module of its own for each, so that none decides another's versions. */
const moduleDir = (name: ProgramName) =>
  join(import.meta.dirname, name === 'keda-adapter' ? 'keda' : name);
const environment = { GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly', CGO_ENABLED: '0' };
const flags = ['-trimpath', '-buildvcs=false', '-gcflags=all=-dwarf=false', '-ldflags=-s -w'];

/** Where a program is; undefined: it is not built. */
export async function findProgram(name: ProgramName): Promise<string | undefined> {
  const path = await pathOf(name);
  return existsSync(path) ? path : undefined;
}

/**
 * Builds a program from its Go module when the cache lacks it, and returns where it is.
 * @throws CommandError when the build fails
 */
export async function buildProgram(name: ProgramName): Promise<string> {
  const path = await pathOf(name);
  await withHostLock(`program-${name}`, async () => {
    if (existsSync(path)) return;
    await mkdir(dirname(path), { recursive: true });
    const unfinished = `${path}.unfinished`;
    await inSource(name, (cwd) =>
      runCommand('go', ['build', ...flags, '-o', unfinished, programs[name]], {
        cwd,
        env: environment,
      }),
    );
    await rename(unfinished, path);
  });
  return path;
}

/** Does something in the folder whose package is built: the module's here, or what is made of KEDA's sources. */
async function inSource(name: ProgramName, work: (folder: string) => Promise<unknown>) {
  if (moduleDir(name) !== moduleDir('keda')) return work(moduleDir(name));
  const folder = await kedaSource(await moduleFolder('keda', kedaModule));
  return work(folder).finally(() => rm(folder, { recursive: true }));
}

/** The folder of a Go module that a program is built of, for what lies beside its source. */
export async function moduleFolder(name: ProgramName, module: string): Promise<string> {
  const options = { cwd: moduleDir(name), env: environment };
  const download = await runCommand('go', ['mod', 'download', '-json', module], options);
  return (JSON.parse(download) as { Dir: string }).Dir;
}

/** Another place for other sources, so that a program that is there is the right one. */
async function pathOf(name: ProgramName): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([flags, programs[name]]));
  const files: string[] = [];
  for await (const file of glob('*.{go,mod,sum,ts}', { cwd: moduleDir(name) }))
    if (!file.endsWith('.test.ts')) files.push(file);
  for (const file of files.sort()) hash.update(await readFile(join(moduleDir(name), file)));
  return join(cacheDir(), 'programs', hash.digest('hex').slice(0, 16), name);
}
