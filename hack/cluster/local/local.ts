import { withHostLock } from '../../host-lock.ts';
import { ensureHostPackages } from '../../host-packages.ts';
import type { Provider } from '../provider.ts';
import { ensureBinaries } from './binaries.ts';
import { removeCluster } from './down.ts';
import { importImage } from './images.ts';
import { type Layout, layOut } from './layout.ts';
import { findNodeInit } from './namespaces.ts';
import { programStatus } from './running.ts';
import { readState } from './state.ts';
import { bringUp } from './up.ts';

const hostPackages = [
  ...['containernetworking-plugins', 'iproute2', 'nftables', 'openssl', 'runc', 'util-linux'],
];

/** Clusters of plain processes in namespaces of their own; needs Linux, root and Go. */
export const localProvider: Provider = {
  kubeconfigPath: (name) => layOut(name, 0).kubeconfigPath,
  logsDir: (name) => layOut(name, 0).logsDir,

  up: async (name, nodeCount, log) => {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) {
      throw new Error('a local cluster needs Linux and root (CLUSTER=kind needs Docker instead)');
    }
    const layout = layOut(name, nodeCount);
    const [binaries] = await Promise.all([ensureBinaries(log), ensureHostPackages(hostPackages)]);
    await exclusively(layout, () => bringUp(layout, binaries, log), log);
    return layout.kubeconfigPath;
  },

  down: (name) => {
    const layout = existingLayout(name);
    return exclusively(layout, () => removeCluster(layout));
  },

  load: async (name, archivePaths) => {
    const layout = existingLayout(name);
    const binaries = await ensureBinaries(() => {});
    await Promise.all(
      layout.nodes.map(async (node) => {
        const pid = findNodeInit(layout, node);
        if (pid === undefined) throw new Error(`${node.name} of cluster ${name} is not running`);
        const place = { node, pid, binariesDir: binaries.dir };
        for (const path of archivePaths) await importImage(place, path);
      }),
    );
  },

  status: async (name) => {
    const layout = existingLayout(name);
    if (readState(layout) === undefined) {
      return { healthy: false, lines: [`cluster ${name}: none`] };
    }
    const programs = programStatus(layout);
    return {
      healthy: programs.every(({ pid }) => pid !== undefined),
      lines: programs.map(({ program, node, pid, logPath }) => {
        const place = node?.name ?? 'control plane';
        const state = pid === undefined ? 'NOT RUNNING' : `process ${pid}`;
        return `${place.padEnd(14)} ${program.padEnd(24)} ${state.padEnd(15)} ${logPath}`;
      }),
    };
  },
};

/** The layout of a cluster with as many nodes as it was made with. */
export function existingLayout(name: string): Layout {
  const state = readState(layOut(name, 0));
  return layOut(name, state?.nodeCount ?? 0);
}

function exclusively<T>(
  layout: Layout,
  work: () => Promise<T>,
  log: (line: string) => void = () => {},
): Promise<T> {
  return withHostLock(`cluster ${layout.id}`, work, () =>
    log('waiting for another process that works on this cluster'),
  );
}
