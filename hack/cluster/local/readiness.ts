import { existsSync } from 'node:fs';
import { runCommand } from '../../command.ts';
import { type Api, ApiError } from './api.ts';
import { isApiReady, waitUntil } from './health.ts';
import { addresses, type Layout, type NodeLayout } from './layout.ts';

/** The accelerators that each node pretends to have. */
const fakeGpus = { resource: 'example.com/gpu', count: '4' };

interface NodeObject {
  spec: { taints?: { key: string }[] };
  status: {
    capacity?: Record<string, string>;
    conditions?: { type: string; status: string }[];
  };
}

/** Waits until the API server answers, with etcd behind it. */
export function apiReady(layout: Layout, api: Api, timeoutMs: number): Promise<void> {
  const needed = ['etcd', 'kube-apiserver'];
  return waitUntil(layout, 'the API server is ready', needed, timeoutMs, () => isApiReady(api));
}

/** Waits until containerd of a node listens. */
export function containerdReady(layout: Layout, nodePid: number, timeoutMs: number): Promise<void> {
  const socket = `/proc/${nodePid}/root/run/containerd/containerd.sock`;
  return waitUntil(layout, 'containerd listens', ['containerd'], timeoutMs, async () =>
    existsSync(socket),
  );
}

/** Gives a node its accelerators and waits until it is Ready and pods may go there. */
export async function nodeReady(
  layout: Layout,
  api: Api,
  node: NodeLayout,
  timeoutMs: number,
): Promise<void> {
  const path = `/api/v1/nodes/${node.name}`;
  const resources = { [fakeGpus.resource]: fakeGpus.count };
  const needed = ['containerd', 'kubelet', 'kube-controller-manager'];
  await waitUntil(layout, `${node.name} is ready`, needed, timeoutMs, async () => {
    const { spec, status } = await api.getJson<NodeObject>(path);
    if (status.capacity?.[fakeGpus.resource] !== fakeGpus.count) {
      // The kubelet keeps resources that it does not know, also when it starts anew.
      await api.mergePatch(`${path}/status`, {
        status: { capacity: resources, allocatable: resources },
      });
    }
    const ready = status.conditions?.some(
      ({ type, status }) => type === 'Ready' && status === 'True',
    );
    const shunned = spec.taints?.some(({ key }) => key.startsWith('node.kubernetes.io/'));
    return ready === true && shunned !== true;
  });
}

/** Waits until pods can be made: the namespace `default` has its ServiceAccount. */
export function serviceAccountReady(layout: Layout, api: Api, timeoutMs: number): Promise<void> {
  const path = '/api/v1/namespaces/default/serviceaccounts/default';
  const needed = ['kube-controller-manager'];
  return waitUntil(layout, 'ServiceAccounts are made', needed, timeoutMs, () => exists(api, path));
}

/** Waits until a node resolves a name at the address of the DNS Service, through kube-proxy. */
export async function dnsReady(layout: Layout, nodePid: number, timeoutMs: number): Promise<void> {
  const ask = `
    const resolver = new (require('node:dns').promises.Resolver)({ timeout: 1000, tries: 1 });
    resolver.setServers(['${addresses.dnsService}']);
    resolver.resolve4('kubernetes.default.svc.cluster.local').then(
      ([address]) => process.exit(address === '${addresses.apiService}' ? 0 : 1),
      (error) => { console.error(error.message); process.exit(1); },
    );`;
  const inside = ['--target', String(nodePid), '--net', '--', process.execPath, '-e', ask];
  await waitUntil(layout, 'DNS answers', ['coredns', 'kube-proxy'], timeoutMs, async () => {
    await runCommand('nsenter', inside);
    return true;
  });
}

async function exists(api: Api, path: string): Promise<boolean> {
  try {
    await api.getText(path);
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return false;
    throw error;
  }
}
