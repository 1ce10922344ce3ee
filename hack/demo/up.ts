import { join } from 'node:path';
import { type Cluster, clusterUp } from '../cluster/cluster.ts';
import { type BuiltImage, buildImages } from '../images/build.ts';
import { demoImages } from '../images/catalog.ts';
import { type ChatOptions, deployChat, openChat } from './chat-client.ts';
import { installFairlead, kubectl } from './install.ts';
import { loadChangedImages } from './load.ts';
import { conditionLine, isReady, type ModelWatch, watchModel } from './model-watch.ts';
import { type Steps, startSteps } from './steps.ts';
import { nextCommands, whereCluster, whereInstall, whereModel } from './texts.ts';

const example = join(import.meta.dirname, '../../examples/skiff.yaml');
const model = { namespace: 'default', name: 'skiff' };
const inModelNamespace = ['--namespace', model.namespace];
const baseUrl = 'http://fairlead-router.fairlead.svc/v1';
const question = 'What does the router do?';
const readyDeadlineMs = 120_000;

/** The whole demo, from a bare machine to a streamed answer. What is there already is used again. */
export async function demoUp(write: (line: string) => void): Promise<void> {
  const steps = startSteps(write);
  const { cluster, images } = await steps.step(
    'Bring up Kubernetes and build the images, side by side',
    whereCluster,
    () => makeClusterAndImages(steps),
  );
  const chat: ChatOptions = { cluster, images, baseUrl, namespace: 'default', model: model.name };
  await steps.step('Load the images into the nodes', whereCluster, async () => {
    for (const { name } of await loadChangedImages(cluster, images)) steps.say(name);
  });
  await steps.step('Install Fairlead with Helm, start a chat client in a pod', whereInstall, () =>
    Promise.all([installFairlead({ cluster, images }), deployChat(chat), removeModel(cluster)]),
  );

  const clock = stopwatch();
  const watch = watchModel(cluster, model, (condition) =>
    steps.say(`${clock.elapsed().padStart(7)}  ${conditionLine(condition)}`),
  );
  try {
    const figures = await steps.step('Apply examples/skiff.yaml and ask', whereModel, () =>
      applyAndAsk(cluster, chat, watch, clock, write),
    );
    await steps.step('Scale to two replicas', whereModel, () => scale(cluster, watch, clock, 2));
    write(`\n${await getModels(cluster)}\n\n${steps.summary()}\n\n${figures}\n\n${nextCommands}`);
  } finally {
    watch.close();
  }
}

async function makeClusterAndImages(
  steps: Steps,
): Promise<{ cluster: Cluster; images: BuiltImage[] }> {
  const engine = process.env.CLUSTER === 'kind' ? 'docker' : 'buildah';
  const [cluster, images] = await Promise.all([
    clusterUp({ log: steps.say }),
    buildImages({ names: demoImages, engine, log: steps.say }),
  ]);
  return { cluster, images };
}

/** The model of an earlier run goes, so that its start can be watched again. */
async function removeModel(cluster: Cluster): Promise<void> {
  const known = await kubectl(cluster, ['get', 'crd', '--output=name']);
  if (!known.includes('modeldeployments.fairlead.dev')) return;
  const object = `modeldeployment/${model.name}`;
  await kubectl(cluster, [...inModelNamespace, 'delete', object, '--ignore-not-found']);
  const pods = ['pod', '--selector', `fairlead.dev/model-deployment=${model.name}`];
  await kubectl(cluster, [...inModelNamespace, 'wait', '--for=delete', '--timeout=60s', ...pods]);
}

/** Returns how long it took, as lines. The clock runs from the call of kubectl on. */
async function applyAndAsk(
  cluster: Cluster,
  chat: ChatOptions,
  watch: ModelWatch,
  clock: Stopwatch,
  write: (line: string) => void,
): Promise<string> {
  const client = await openChat(chat);
  try {
    clock.restart();
    const [readyAfter] = await Promise.all([
      watch.until(isReady, readyDeadlineMs).then(clock.elapsed),
      kubectl(cluster, [...inModelNamespace, 'apply', '--filename', example]),
    ]);
    let firstByteAfter = '';
    write(`\n> ${question}`);
    await client.ask(question, (text) => {
      firstByteAfter ||= clock.elapsed();
      process.stdout.write(text);
    });
    write(`\n${await getModels(cluster)}\n`);
    return [
      `${readyAfter}  from kubectl apply to Ready`,
      `${firstByteAfter}  from kubectl apply to the first streamed byte through the router`,
    ].join('\n');
  } finally {
    client.close();
  }
}

async function scale(
  cluster: Cluster,
  watch: ModelWatch,
  clock: Stopwatch,
  replicas: number,
): Promise<void> {
  clock.restart();
  const object = `modeldeployment/${model.name}`;
  await kubectl(cluster, [...inModelNamespace, 'scale', object, `--replicas=${replicas}`]);
  await watch.until(
    (now) => isReady(now) && now.status?.readyReplicas === replicas,
    readyDeadlineMs,
  );
}

async function getModels(cluster: Cluster): Promise<string> {
  const table = await kubectl(cluster, [...inModelNamespace, 'get', 'mdep']);
  return `$ kubectl get mdep\n${table}`.trimEnd();
}

interface Stopwatch {
  restart(): void;
  /** Such as `1.24 s`. */
  elapsed(): string;
}

function stopwatch(): Stopwatch {
  let startMs = performance.now();
  return {
    restart: () => {
      startMs = performance.now();
    },
    elapsed: () => `${((performance.now() - startMs) / 1000).toFixed(2)} s`,
  };
}
