import { readFileSync } from 'node:fs';
import { connectApi } from './api.ts';
import { ensureBinaries } from './binaries.ts';
import type { ControlPlaneProgram, NodeProgram } from './components.ts';
import type { Layout, NodeLayout } from './layout.ts';
import { existingLayout } from './local.ts';
import { findClusterInit, findNodeInit, killNamespaces } from './namespaces.ts';
import { killAndWait, listProcesses } from './processes.ts';
import { apiReady } from './readiness.ts';
import { programStatus, startControlPlane, startNodePrograms } from './running.ts';

const startTimeoutMs = 60_000;

/** What can be broken in a local cluster. Pids are the host's, for `process.kill` and `nsenter`. */
export interface Faults {
  nodeNames: readonly string[];
  /** Process 1 of the cluster's namespaces, or of a node's; throws when it is not running. */
  initPid(node?: string): number;
  /** A component's process, if it runs; `node` for containerd, kubelet and kube-proxy. */
  pid(program: ControlPlaneProgram | NodeProgram, node?: string): number | undefined;
  /** SIGKILL; returns when the process has gone. Nothing starts it again by itself. */
  kill(program: ControlPlaneProgram | NodeProgram, node?: string): Promise<void>;
  /** Starts a component that does not run; for etcd and the API server waits until it is ready. */
  start(program: ControlPlaneProgram | NodeProgram, node?: string): Promise<void>;
  /** As if the machine lost its power: all of its processes and its network are gone at once. */
  killNode(node: string): Promise<void>;
  /** All processes of a pod's containers, the pause process among them. */
  podPids(podUid: string): number[];
}

/** Takes hold of a cluster that is up, to break it. `clusterUp` repairs whatever was done. */
export async function clusterFaults(name: string): Promise<Faults> {
  const layout = existingLayout(name);
  const binaries = await ensureBinaries(() => {});
  const pid: Faults['pid'] = (program, node) =>
    programStatus(layout).find((status) => status.program === program && status.node?.name === node)
      ?.pid;
  const initPid = (node?: string): number => {
    const found =
      node === undefined ? findClusterInit(layout) : findNodeInit(layout, nodeOf(layout, node));
    if (found === undefined) throw new Error(`${node ?? name} is not running`);
    return found;
  };
  return {
    nodeNames: layout.nodes.map((node) => node.name),
    initPid,
    pid,
    kill: async (program, node) => {
      const found = pid(program, node);
      if (found !== undefined) await killAndWait([found]);
    },
    start: async (program, node) => {
      if (node !== undefined) {
        const programs = [program as NodeProgram];
        await startNodePrograms(layout, binaries, initPid(node), nodeOf(layout, node), programs);
        return;
      }
      await startControlPlane(layout, binaries, initPid(), [program as ControlPlaneProgram]);
      if (program === 'etcd' || program === 'kube-apiserver') {
        await apiReady(layout, connectApi(layout.kubeconfigPath), startTimeoutMs);
      }
    },
    killNode: (node) => killNamespaces(initPid(node)),
    podPids,
  };
}

function nodeOf(layout: Layout, name: string): NodeLayout {
  const node = layout.nodes.find((candidate) => candidate.name === name);
  if (node === undefined) throw new RangeError(`cluster ${layout.name} has no node ${name}`);
  return node;
}

function podPids(podUid: string): number[] {
  return listProcesses().flatMap(({ pid }) => {
    try {
      return readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(`/pod${podUid}/`) ? [pid] : [];
    } catch {
      return []; // It has ended meanwhile.
    }
  });
}
