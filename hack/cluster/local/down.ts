import { rm } from 'node:fs/promises';
import { removeCgroup } from './cgroups.ts';
import type { Layout } from './layout.ts';
import { findClusterInit, killNamespaces } from './namespaces.ts';
import { disconnectHost } from './network.ts';

/** Removes a cluster with all it left, whatever state it is in; does nothing when there is none. */
export async function removeCluster(layout: Layout): Promise<void> {
  const clusterPid = findClusterInit(layout);
  if (clusterPid !== undefined) await killNamespaces(clusterPid);
  await disconnectHost(layout);
  await removeCgroup(layout.cgroup);
  await rm(layout.dir, { recursive: true, force: true, maxRetries: 3 });
}
