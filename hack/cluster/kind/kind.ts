import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from '../../cache.ts';
import { runCommand } from '../../command.ts';
import { ensureKubeTools } from '../../kube-tools.ts';
import type { Provider } from '../provider.ts';

// JSON patches write a slash in a key as ~1.
const gpu = 'example.com~1gpu';
const fakeGpus = JSON.stringify([
  { op: 'add', path: `/status/capacity/${gpu}`, value: '4' },
  { op: 'add', path: `/status/allocatable/${gpu}`, value: '4' },
]);

const clusterDir = (name: string): string => join(cacheDir(), 'clusters', `kind-${name}`);
const kubeconfigPath = (name: string): string => join(clusterDir(name), 'kubeconfig');
const kindName = (name: string): string => `fairlead-${name}`;

/** Clusters of Docker containers, for machines that have Docker and the program `kind`. */
export const kindProvider: Provider = {
  kubeconfigPath,
  logsDir: (name) => join(clusterDir(name), 'logs'),

  up: async (name, nodeCount, log) => {
    const exists = (await clusterNames()).includes(kindName(name));
    await mkdir(clusterDir(name), { recursive: true });
    if (!exists) {
      log('creating a cluster with kind');
      const workers = Array.from({ length: nodeCount }, () => ({ role: 'worker' }));
      const config = {
        kind: 'Cluster',
        apiVersion: 'kind.x-k8s.io/v1alpha4',
        nodes: [{ role: 'control-plane' }, ...workers],
      };
      const create = ['create', 'cluster', '--config', '-', '--wait', '180s'];
      await kind(name, [...create, '--kubeconfig', kubeconfigPath(name)], JSON.stringify(config));
    }
    await kind(name, ['export', 'kubeconfig', '--kubeconfig', kubeconfigPath(name)]);
    await offerFakeGpus(name);
    return kubeconfigPath(name);
  },

  down: async (name) => {
    if (existsSync(clusterDir(name))) await kind(name, ['delete', 'cluster']);
    await rm(clusterDir(name), { recursive: true, force: true });
  },

  load: async (name, archivePaths) => {
    for (const path of archivePaths) await kind(name, ['load', 'image-archive', path]);
  },

  status: async (name) => {
    const healthy = (await clusterNames()).includes(kindName(name));
    return { healthy, lines: [`kind cluster ${kindName(name)}: ${healthy ? 'there' : 'none'}`] };
  },
};

async function clusterNames(): Promise<string[]> {
  return (await run(['get', 'clusters'])).split('\n');
}

function kind(name: string, args: readonly string[], input = ''): Promise<string> {
  return run([...args, '--name', kindName(name)], input);
}

async function run(args: readonly string[], input = ''): Promise<string> {
  try {
    return await runCommand('kind', args, { input });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new Error('CLUSTER=kind needs Docker and the program kind, which is not in PATH', {
      cause: error,
    });
  }
}

async function offerFakeGpus(name: string): Promise<void> {
  const { kubectlPath } = await ensureKubeTools();
  const kubectl = (...args: string[]): Promise<string> =>
    runCommand(kubectlPath, ['--kubeconfig', kubeconfigPath(name), ...args]);
  const withoutControlPlane = '!node-role.kubernetes.io/control-plane';
  const nodes = await kubectl('get', 'nodes', '-l', withoutControlPlane, '-o', 'name');
  for (const node of nodes.split('\n').filter((line) => line !== '')) {
    await kubectl('patch', node, '--subresource=status', '--type=json', '-p', fakeGpus);
  }
}
