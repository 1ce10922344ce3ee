import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { cacheDir } from '../../cache.ts';

/** Addresses inside a cluster. They are the same in every one, as each has a network of its own. */
export const addresses = {
  pods: '198.18.0.0/16',
  services: '198.19.0.0/16',
  apiService: '198.19.0.1',
  dnsService: '198.19.0.10',
  controlPlane: '198.18.255.1',
} as const;

export const apiServerPort = 6443;

/** Where parts of the state folder are seen inside the namespaces of the cluster and of a node. */
export const insidePaths = {
  controlPlane: '/run/state/control-plane',
  logs: '/run/state/logs',
  node: '/run/node',
} as const;

/** A node's name and addresses. */
export interface NodeLayout {
  name: string;
  address: string;
  podRange: string;
  /** Its part of the control group tree, as seen from the tree's root. */
  cgroup: string;
  /** State folder on the host. */
  dir: string;
}

/** The names and paths of one cluster; all follow from its name and the cache's folder. */
export interface Layout {
  name: string;
  /** Eight hexadecimal digits that no other cluster on this machine has, whatever its cache. */
  id: string;
  /** State folder on the host; everything below it goes away with the cluster. */
  dir: string;
  logsDir: string;
  controlPlaneDir: string;
  kubeconfigPath: string;
  /** The host's end of the link to the cluster; at most 15 characters, as the kernel wants. */
  hostLink: string;
  cgroup: string;
  nodes: NodeLayout[];
}

/** Lays out a cluster with `nodeCount` nodes: node-a, node-b and so on. */
export function layOut(name: string, nodeCount: number): Layout {
  if (!/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/.test(name)) {
    throw new RangeError(
      `cluster name "${name}": use at most 40 of a-z, 0-9 and -, with no - at either end`,
    );
  }
  if (!Number.isInteger(nodeCount) || nodeCount < 0 || nodeCount > 9) {
    throw new RangeError(`${nodeCount} nodes: a cluster has 0 to 9`);
  }
  const dir = join(cacheDir(), 'clusters', name);
  const id = createHash('sha256').update(dir).digest('hex').slice(0, 8);
  const cgroup = `/fairlead-${id}`;
  return {
    name,
    id,
    dir,
    logsDir: join(dir, 'logs'),
    controlPlaneDir: join(dir, 'control-plane'),
    kubeconfigPath: join(dir, 'kubeconfig'),
    hostLink: `fairlead${id.slice(0, 7)}`,
    cgroup,
    nodes: Array.from({ length: nodeCount }, (_, index) => {
      const nodeName = `node-${String.fromCharCode('a'.charCodeAt(0) + index)}`;
      return {
        name: nodeName,
        address: `198.18.255.${11 + index}`,
        podRange: `198.18.${1 + index}.0/24`,
        cgroup: `${cgroup}/${nodeName}`,
        dir: join(dir, 'nodes', nodeName),
      };
    }),
  };
}

/** The addresses of the link between the host and cluster number `slot` (0 to 63). */
export function linkAddresses(slot: number): { host: string; cluster: string } {
  return { host: `203.0.113.${4 * slot + 1}`, cluster: `203.0.113.${4 * slot + 2}` };
}

export const linkSlots = 64;
