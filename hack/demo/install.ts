import { join } from 'node:path';
import { type CommandOptions, runCommand } from '../command.ts';
import type { BuiltImage } from '../images/build.ts';
import type { ImageName } from '../images/catalog.ts';

/** How a cluster is reached; a `Cluster` of hack/cluster has these. */
export interface ClusterAccess {
  kubeconfigPath: string;
  kubectlPath: string;
  helmPath: string;
}

/** What {@link installFairlead} installs. */
export interface InstallOptions {
  cluster: ClusterAccess;
  /** From `buildImages`, loaded into the cluster's nodes. */
  images: readonly BuiltImage[];
  /** Default `fairlead`, for both. */
  namespace?: string;
  release?: string;
  /** Further values for the chart, as in values.yaml. */
  values?: object;
}

const chart = join(import.meta.dirname, '../../charts/fairlead');
const timeout = '180s';

/**
 * Installs the chart, or upgrades it, as a user would with Helm, and returns when both programs are
 * ready. Pods are replaced when the image or the values changed, and only then.
 */
export async function installFairlead(options: InstallOptions): Promise<void> {
  const { cluster, namespace = 'fairlead', release = 'fairlead' } = options;
  await upgradeCrds(cluster);
  await forgetBrokenOff(cluster, namespace, release);
  const [repository = '', tag = ''] = imageNamed(options.images, 'fairlead').split(/:(?=[^:]*$)/);
  const args = [
    ...['upgrade', '--install', release, chart, '--kubeconfig', cluster.kubeconfigPath],
    ...['--namespace', namespace, '--create-namespace', '--wait', '--timeout', timeout],
    ...['--set-string', `image.repository=${repository}`, '--set-string', `image.tag=${tag}`],
    ...['--set-string', `engineImages.LlamaCpp=${imageNamed(options.images, 'llama-server')}`],
    ...['--values', '-'],
  ];
  await runCommand(cluster.helmPath, args, { input: JSON.stringify(options.values ?? {}) });
}

/** Runs kubectl on the cluster; returns its standard output. */
export function kubectl(
  cluster: ClusterAccess,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  return runCommand(
    cluster.kubectlPath,
    ['--kubeconfig', cluster.kubeconfigPath, ...args],
    options,
  );
}

/** The full name of one of the images; throws when it was not built. */
export function imageNamed(images: readonly BuiltImage[], shortName: ImageName): string {
  const image = images.find((candidate) => candidate.shortName === shortName);
  if (image === undefined) throw new Error(`the image ${shortName} was not built`);
  return image.name;
}

/** Helm installs CRDs once and never changes them. */
async function upgradeCrds(cluster: ClusterAccess): Promise<void> {
  const found = await kubectl(cluster, ['get', 'crd', '--output=name']);
  if (!found.includes('fairlead.dev')) return;
  const apply = ['apply', '--server-side', '--force-conflicts', '--filename', join(chart, 'crds')];
  await kubectl(cluster, apply);
}

/** A Helm that was killed leaves a revision that blocks every later one. Its objects are taken over. */
async function forgetBrokenOff(
  cluster: ClusterAccess,
  namespace: string,
  release: string,
): Promise<void> {
  const pending = 'status in (pending-install,pending-upgrade,pending-rollback)';
  const selector = `owner=helm,name=${release},${pending}`;
  await kubectl(cluster, ['--namespace', namespace, 'delete', 'secret', '--selector', selector]);
}
