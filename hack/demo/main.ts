import { clusterDown } from '../cluster/cluster.ts';
import { demoUp } from './up.ts';

const usage = `usage: node hack/demo/main.ts up|down
  up    a cluster, the images, the chart, a model, a streamed answer
  down  remove the cluster with all that runs in it
Environment: CLUSTER (local or kind; default local), CLUSTER_NAME (default demo)`;

const commands: Record<string, () => Promise<void>> = {
  up: () => demoUp(console.log),
  down: () => clusterDown(),
};

const [name = '', ...rest] = process.argv.slice(2);
const command = rest.length === 0 ? commands[name] : undefined;
if (command === undefined) {
  console.error(usage);
  process.exitCode = 2;
} else {
  try {
    await command();
  } catch (error) {
    console.error(`\n${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
}
