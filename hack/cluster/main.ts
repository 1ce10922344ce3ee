import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  type Cluster,
  clusterDown,
  clusterStatus,
  clusterUp,
  findCluster,
  loadImages,
} from './cluster.ts';

const usage = `node hack/cluster/main.ts <command>
  up                    bring the cluster up, or to health
  down                  remove it with all it left
  status                each component, its process and its log
  kubeconfig            print the kubeconfig file's path
  kubectl <args…>       run kubectl on it
  load <archive.tar…>   import image archives into every node
  logs                  print the paths of the logs
Environment: CLUSTER_NAME (default demo), CLUSTER (local or kind; default local), CLUSTER_NODES (default 2)`;

const commands: Record<string, (args: readonly string[]) => Promise<number>> = {
  up: async () => {
    const { kubeconfigPath } = await clusterUp({ nodes: Number(process.env.CLUSTER_NODES ?? 2) });
    console.log(`export KUBECONFIG=${kubeconfigPath}`);
    return 0;
  },
  down: async () => {
    await clusterDown();
    return 0;
  },
  status: async () => {
    const { healthy, lines } = await clusterStatus();
    console.log(lines.join('\n'));
    return healthy ? 0 : 1;
  },
  kubeconfig: async () => {
    console.log((await theCluster()).kubeconfigPath);
    return 0;
  },
  kubectl: async (args) => {
    const { kubectlPath, kubeconfigPath } = await theCluster();
    const child = spawn(kubectlPath, ['--kubeconfig', kubeconfigPath, ...args], {
      stdio: 'inherit',
    });
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
    return promise;
  },
  load: async (args) => {
    await loadImages(
      {},
      args.map((path) => resolve(path)),
    );
    return 0;
  },
  logs: async () => {
    const { logsDir } = await theCluster();
    const names = readdirSync(logsDir).filter((name) => name.endsWith('.log'));
    console.log(names.map((name) => `${logsDir}/${name}`).join('\n'));
    return 0;
  },
};

async function theCluster(): Promise<Cluster> {
  const cluster = await findCluster();
  if (cluster === undefined) throw new Error('there is no such cluster; bring it up first');
  return cluster;
}

const [name = '', ...args] = process.argv.slice(2);
const command = commands[name];
if (command === undefined) {
  console.error(usage);
  process.exitCode = 2;
} else {
  try {
    process.exitCode = await command(args);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
