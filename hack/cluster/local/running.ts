import { join } from 'node:path';
import type { Binaries } from './binaries.ts';
import {
  type Component,
  type ControlPlaneProgram,
  controlPlane,
  type NodeProgram,
  nodeComponents,
} from './components.ts';
import { hostEnvironment } from './environment.ts';
import type { Layout, NodeLayout } from './layout.ts';
import { findClusterInit, findNodeInit } from './namespaces.ts';
import { findProgram, startDaemon } from './processes.ts';

/** A program of the cluster, where it belongs and whether it runs. */
export interface ProgramStatus {
  program: ControlPlaneProgram | NodeProgram;
  /** The node it belongs to; undefined for the control plane. */
  node: NodeLayout | undefined;
  /** What people call it: `etcd`, `kubelet on node-a`. */
  label: string;
  /** Its number as the host counts; undefined when it does not run. */
  pid: number | undefined;
  logPath: string;
}

/** The log of a program; those on nodes carry the node's name. */
export function logPathOf(layout: Layout, program: string, node?: NodeLayout): string {
  return join(
    layout.logsDir,
    node === undefined ? `${program}.log` : `${program}-${node.name}.log`,
  );
}

/** Every program the cluster should have, with what the process table says of it now. */
export function programStatus(layout: Layout): ProgramStatus[] {
  const place = (
    programs: readonly (ControlPlaneProgram | NodeProgram)[],
    initPid: number | undefined,
    node?: NodeLayout,
  ): ProgramStatus[] =>
    programs.map((program) => ({
      program,
      node,
      label: labelOf(program, node),
      pid: initPid === undefined ? undefined : findProgram(initPid, program),
      logPath: logPathOf(layout, program, node),
    }));
  return [
    ...place(controlPlanePrograms(layout), findClusterInit(layout)),
    ...layout.nodes.flatMap((node) =>
      place(['containerd', 'kubelet', 'kube-proxy'], findNodeInit(layout, node), node),
    ),
  ];
}

/** The control plane's programs; without nodes there is nobody for DNS to serve. */
export function controlPlanePrograms(layout: Layout): ControlPlaneProgram[] {
  const all = Object.keys(controlPlane) as ControlPlaneProgram[];
  return layout.nodes.length === 0 ? all.filter((program) => program !== 'coredns') : all;
}

/** Starts those of the control plane's programs that do not run; returns the names of the started. */
export async function startControlPlane(
  layout: Layout,
  binaries: Pick<Binaries, 'dir'>,
  clusterPid: number,
  programs: readonly ControlPlaneProgram[],
): Promise<string[]> {
  const components = programs.map((program) => controlPlane[program]);
  return startMissing(layout, binaries, clusterPid, components);
}

/** Starts those of a node's programs that do not run; returns the names of the started. */
export async function startNodePrograms(
  layout: Layout,
  binaries: Pick<Binaries, 'dir'>,
  nodePid: number,
  node: NodeLayout,
  programs: readonly NodeProgram[],
): Promise<string[]> {
  const all = nodeComponents(node);
  return startMissing(
    layout,
    binaries,
    nodePid,
    programs.map((program) => all[program]),
    node,
  );
}

async function startMissing(
  layout: Layout,
  binaries: Pick<Binaries, 'dir'>,
  initPid: number,
  components: readonly Component[],
  node?: NodeLayout,
): Promise<string[]> {
  const missing = components.filter(({ program }) => findProgram(initPid, program) === undefined);
  await Promise.all(
    missing.map(({ program, args }) =>
      startDaemon({
        initPid,
        command: [join(binaries.dir, program), ...args],
        logPath: logPathOf(layout, program, node),
        env: hostEnvironment(binaries.dir),
      }),
    ),
  );
  return missing.map(({ program }) => labelOf(program, node));
}

function labelOf(program: string, node: NodeLayout | undefined): string {
  return node === undefined ? program : `${program} on ${node.name}`;
}
