import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Layout } from './layout.ts';
import type { HostLink } from './network.ts';

/** What is written down of a cluster; all else is read off the running processes. */
export interface ClusterState {
  /** Changes when the cluster would be made differently now: other programs, other nodes. */
  fingerprint: string;
  nodeCount: number;
  link: HostLink;
}

const stateFile = (layout: Layout): string => join(layout.dir, 'cluster.json');

/** The state of a cluster that was once made, whether it still lives or not. */
export function readState(layout: Layout): ClusterState | undefined {
  const path = stateFile(layout);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as ClusterState) : undefined;
}

/** Makes the empty state folders; what was there before is gone. */
export function createFolders(layout: Layout): void {
  rmSync(layout.dir, { recursive: true, force: true });
  mkdirSync(layout.dir, { recursive: true, mode: 0o700 });
  mkdirSync(layout.controlPlaneDir);
  mkdirSync(join(layout.controlPlaneDir, 'etcd'), { mode: 0o700 });
  mkdirSync(layout.logsDir);
  for (const { dir, name } of layout.nodes) {
    for (const folder of ['cni', 'containerd', 'kubelet']) {
      mkdirSync(join(dir, folder), { recursive: true });
    }
    mkdirSync(join(layout.logsDir, `pods-${name}`));
  }
}

/** Writes the state down; comes last in making a cluster, so that a half-made one has none. */
export function writeState(layout: Layout, state: ClusterState): void {
  writeFileSync(stateFile(layout), `${JSON.stringify(state, null, 2)}\n`);
}
