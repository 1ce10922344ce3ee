import { copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withHostLock } from '../../host-lock.ts';
import { type Api, connectApi } from './api.ts';
import type { Binaries } from './binaries.ts';
import { removeCgroup } from './cgroups.ts';
import { writeControlPlaneConfig, writeNodeConfig } from './config-files.ts';
import { writeCredentials } from './credentials.ts';
import { applyDnsObjects } from './dns.ts';
import { removeCluster } from './down.ts';
import { importImage } from './images.ts';
import { raiseInotifyLimit } from './inotify.ts';
import { addresses, type Layout, type NodeLayout } from './layout.ts';
import {
  findClusterInit,
  findNodeInit,
  startClusterNamespaces,
  startNodeNamespaces,
} from './namespaces.ts';
import { chooseLink, connectHost, connectNode, type HostLink } from './network.ts';
import { createPki } from './pki.ts';
import {
  apiReady,
  containerdReady,
  dnsReady,
  nodeReady,
  serviceAccountReady,
} from './readiness.ts';
import { controlPlanePrograms, startControlPlane, startNodePrograms } from './running.ts';
import { createFolders, readState, writeState } from './state.ts';

/** A healthy cluster takes seconds; this much is for machines that do other things as well. */
const freshTimeoutMs = 180_000;
/** What a repair may take before the cluster is made anew. */
const repairTimeoutMs = 30_000;

type Log = (line: string) => void;

/**
 * Brings the cluster to health: makes it, completes it where parts have died, or replaces it where
 * that does not help or where it was made by other means. Throws `ClusterError` naming the component.
 */
export async function bringUp(layout: Layout, binaries: Binaries, log: Log): Promise<void> {
  const fingerprint = binaries.key;
  const state = readState(layout);
  if (state !== undefined && findClusterInit(layout) !== undefined) {
    if (state.fingerprint !== fingerprint || state.nodeCount !== layout.nodes.length) {
      log('the cluster was made by another version or with other nodes; making it anew');
    } else {
      try {
        return await start(layout, binaries, log, repairTimeoutMs);
      } catch (error) {
        log(`repair did not help; making the cluster anew. ${(error as Error).message}`);
      }
    }
  } else if (state !== undefined) log('the cluster has died; making it anew');

  await removeCluster(layout);
  createFolders(layout);
  raiseInotifyLimit(log);
  // From the choice of addresses until they are in use, no other cluster may choose.
  const link = await withHostLock('link-addresses', async () => {
    const chosen = await chooseLink(layout);
    await connectHost(layout, await startClusterNamespaces(layout), chosen);
    return chosen;
  });
  await writeFiles(layout, link);
  writeState(layout, { fingerprint, nodeCount: layout.nodes.length, link });
  await start(layout, binaries, log, freshTimeoutMs);
}

async function writeFiles(layout: Layout, link: HostLink): Promise<void> {
  await createPki(layout.controlPlaneDir, {
    dns: ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'],
    ip: ['127.0.0.1', addresses.apiService, addresses.controlPlane, link.cluster],
  });
  writeCredentials(layout, link.cluster);
  writeControlPlaneConfig(layout);
  for (const node of layout.nodes) {
    copyFileSync(join(layout.controlPlaneDir, 'ca.crt'), join(node.dir, 'ca.crt'));
    writeNodeConfig(node);
  }
}

/** Starts what does not run and waits for health; on a healthy cluster this only looks. */
async function start(
  layout: Layout,
  binaries: Binaries,
  log: Log,
  timeoutMs: number,
): Promise<void> {
  const clusterPid = findClusterInit(layout);
  if (clusterPid === undefined) throw new Error('the namespaces of the cluster have ended');
  const api = connectApi(layout.kubeconfigPath);
  const startHere = async (programs: Parameters<typeof startControlPlane>[3]): Promise<void> => {
    logStarted(log, await startControlPlane(layout, binaries, clusterPid, programs));
  };

  await startHere(['etcd', 'kube-apiserver']);
  const machines = Promise.all(
    layout.nodes.map(async (node) =>
      startMachine(layout, binaries, clusterPid, node, log, timeoutMs),
    ),
  );
  // It is awaited below; a failure before that must not count as unhandled.
  machines.catch(() => {});
  await apiReady(layout, api, timeoutMs);
  log('API server ready');

  await startHere(controlPlanePrograms(layout));
  const nodePids = await machines;
  await Promise.all([
    serviceAccountReady(layout, api, timeoutMs),
    ...layout.nodes.map((node, index) =>
      startNode(layout, binaries, api, node, nodePids[index] ?? 0, log, timeoutMs),
    ),
    ...(layout.nodes.length > 0 ? [applyDnsObjects(api)] : []),
  ]);
  await Promise.all(nodePids.map((nodePid) => dnsReady(layout, nodePid, timeoutMs)));
}

/** A node's namespaces, network and containerd with the pause image; all that needs no API server. */
async function startMachine(
  layout: Layout,
  binaries: Binaries,
  clusterPid: number,
  node: NodeLayout,
  log: Log,
  timeoutMs: number,
): Promise<number> {
  let nodePid = findNodeInit(layout, node);
  if (nodePid === undefined) {
    await removeCgroup(node.cgroup);
    nodePid = await startNodeNamespaces(layout, clusterPid, node);
    await connectNode(clusterPid, nodePid, node);
  }
  logStarted(log, await startNodePrograms(layout, binaries, nodePid, node, ['containerd']));
  const pauseImported = join(node.dir, 'pause-imported');
  if (!existsSync(pauseImported)) {
    await containerdReady(layout, nodePid, timeoutMs);
    const place = { node, pid: nodePid, binariesDir: binaries.dir };
    await importImage(place, binaries.pauseArchivePath);
    writeFileSync(pauseImported, '');
  }
  return nodePid;
}

async function startNode(
  layout: Layout,
  binaries: Binaries,
  api: Api,
  node: NodeLayout,
  nodePid: number,
  log: Log,
  timeoutMs: number,
): Promise<void> {
  const programs = ['kubelet', 'kube-proxy'] as const;
  logStarted(log, await startNodePrograms(layout, binaries, nodePid, node, programs));
  await nodeReady(layout, api, node, timeoutMs);
  log(`${node.name} ready`);
}

function logStarted(log: Log, started: readonly string[]): void {
  if (started.length > 0) log(`started ${started.join(', ')}`);
}
