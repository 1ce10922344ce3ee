import { existsSync } from 'node:fs';
import { ensureKubeTools } from '../kube-tools.ts';
import { kindProvider } from './kind/kind.ts';
import { localProvider } from './local/local.ts';
import { timedLog } from './progress.ts';
import type { Provider, ProviderName } from './provider.ts';

/** Which cluster is meant. */
export interface ClusterRef {
  /** Default: `$CLUSTER_NAME`, else `demo`. */
  name?: string | undefined;
  /** Default: `$CLUSTER`, else `local`. */
  provider?: ProviderName | undefined;
}

/** How {@link clusterUp} brings a cluster up. */
export interface ClusterOptions extends ClusterRef {
  /** Default 2. With 0 there is a control plane that schedules onto nothing. */
  nodes?: number | undefined;
  /** Gets lines of progress with elapsed times; default: standard error. */
  log?: ((line: string) => void) | undefined;
}

/** A cluster that answers. */
export interface Cluster {
  name: string;
  provider: ProviderName;
  /** A kubeconfig file with all rights, for use on this machine. */
  kubeconfigPath: string;
  kubectlPath: string;
  helmPath: string;
  /** One log file a component. */
  logsDir: string;
}

const providers: Record<ProviderName, Provider> = { local: localProvider, kind: kindProvider };

/**
 * Brings a cluster up and returns when its nodes are ready and DNS works. One that is up is left as
 * it is; one that is half dead is repaired or replaced. Throws an error whose message names what
 * failed and the log to read.
 */
export async function clusterUp(options: ClusterOptions = {}): Promise<Cluster> {
  const { name, provider } = resolve(options);
  const log = timedLog(options.log ?? ((line) => console.error(line)));
  const [tools, kubeconfigPath] = await Promise.all([
    ensureKubeTools(),
    providers[provider].up(name, options.nodes ?? 2, log),
  ]);
  log(`cluster ${name} is up`);
  return { name, provider, kubeconfigPath, ...tools, logsDir: providers[provider].logsDir(name) };
}

/** The cluster as it is now, without looking after it; undefined when it was never brought up. */
export async function findCluster(ref: ClusterRef = {}): Promise<Cluster | undefined> {
  const { name, provider } = resolve(ref);
  const kubeconfigPath = providers[provider].kubeconfigPath(name);
  if (!existsSync(kubeconfigPath)) return undefined;
  const tools = await ensureKubeTools();
  return { name, provider, kubeconfigPath, ...tools, logsDir: providers[provider].logsDir(name) };
}

/** Removes the cluster with every process, mount, network, control group and file it left. */
export async function clusterDown(ref: ClusterRef = {}): Promise<void> {
  const { name, provider } = resolve(ref);
  await providers[provider].down(name);
}

/** Imports docker or OCI image archives into every node. */
export async function loadImages(ref: ClusterRef, archivePaths: readonly string[]): Promise<void> {
  const { name, provider } = resolve(ref);
  await providers[provider].load(name, archivePaths);
}

/** Each component and whether it runs, as lines for people. */
export function clusterStatus(
  ref: ClusterRef = {},
): Promise<{ healthy: boolean; lines: string[] }> {
  const { name, provider } = resolve(ref);
  return providers[provider].status(name);
}

function resolve(ref: ClusterRef): { name: string; provider: ProviderName } {
  const provider = ref.provider ?? process.env.CLUSTER ?? 'local';
  if (provider !== 'local' && provider !== 'kind') {
    throw new RangeError(`cluster provider "${provider}": use local or kind`);
  }
  return { name: ref.name ?? process.env.CLUSTER_NAME ?? 'demo', provider };
}
