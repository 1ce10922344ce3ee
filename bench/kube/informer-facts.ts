import { CoreV1Api, KubeConfig, makeInformer } from '@kubernetes/client-node';
import { createClient } from '../../kube/client.ts';
import { createReflector } from '../../kube/reflector.ts';
import { ConfigMaps, Pods } from '../../kube/resources.ts';
import { type ScriptedServer, startScriptedServer } from '../../kube/testing/scripted-server.ts';
import type { Contender } from './workers.ts';

/** What each side does where kube/README.md says that they differ. */
export interface Facts {
  connectionsFor50Gets: number;
  keepsUnknownFieldOnRead: boolean;
  keepsUnknownFieldOnWrite: boolean;
  asksForBookmarks: boolean;
  watchesAfterOneAnswerOf500: number;
  watchesAfterStartingTwice: number;
  watchesInAQuiet35Seconds: number;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const namespace = 'default';
const path = `/api/v1/namespaces/${namespace}/configmaps`;
const pod = { metadata: { name: 'p', namespace }, spec: { containers: [], futureField: 'kept' } };

interface Side {
  get(): Promise<unknown>;
  readPod(): Promise<object>;
  createPod(): Promise<unknown>;
  informer(): { start(): void; stop(): void };
}

function fairlead(server: ScriptedServer): Side {
  const client = createClient(server.config);
  return {
    get: () => client.get(ConfigMaps, { namespace, name: 'a' }),
    readPod: () => client.get(Pods, { namespace, name: 'p' }),
    createPod: () => client.create(Pods, { ...pod, metadata: { name: 'new', namespace } }),
    informer() {
      const reflector = createReflector({ client, type: ConfigMaps, namespace });
      return { start: () => reflector.start(), stop: () => void reflector.stop() };
    },
  };
}

function clientNode(server: ScriptedServer): Side {
  const config = new KubeConfig();
  const cluster = { name: 'c', server: server.url, skipTLSVerify: true };
  config.loadFromClusterAndUser(cluster, { name: 'u' });
  const api = config.makeApiClient(CoreV1Api);
  return {
    get: () => api.readNamespacedConfigMap({ namespace, name: 'a' }),
    readPod: () => api.readNamespacedPod({ namespace, name: 'p' }),
    createPod: () =>
      api.createNamespacedPod({
        namespace,
        body: { ...pod, metadata: { name: 'new', namespace } },
      }),
    informer() {
      const made = makeInformer(config, path, () => api.listNamespacedConfigMap({ namespace }));
      // Without a listener an informer that ends does so in silence; its end is what is counted here.
      made.on('error', () => {});
      return { start: () => void made.start(), stop: () => void made.stop() };
    },
  };
}

/** Watches that were begun while `during` ran. */
async function watchesWhile(
  server: ScriptedServer,
  during: () => Promise<unknown>,
): Promise<number> {
  const watches = () => server.seen.filter(({ query }) => query.has('watch')).length;
  const before = watches();
  await during();
  return watches() - before;
}

async function factsOf(side: (server: ScriptedServer) => Side): Promise<Facts> {
  const server = await startScriptedServer();
  server.state.put('/api/v1/configmaps', 'default/a', { metadata: { name: 'a', namespace } });
  server.state.put('/api/v1/pods', 'default/p', pod);
  const one = side(server);
  for (let count = 0; count < 50; count++) await one.get();
  const connectionsFor50Gets = server.accepted;
  const read = JSON.stringify(await one.readPod());
  await one.createPod();
  const written = JSON.stringify(server.state.get('/api/v1/pods', 'default/new'));

  const twice = one.informer();
  const watchesAfterStartingTwice = await watchesWhile(server, async () => {
    twice.start();
    twice.start();
    await pause(500);
  });
  twice.stop();
  const asked = server.seen.find(({ query }) => query.has('watch'))?.query;

  const failing = one.informer();
  failing.start();
  await pause(500);
  let refusals = 1;
  server.fault = ({ query }) =>
    query.has('watch') && refusals-- > 0 ? { status: 500 } : undefined;
  server.cutWatches();
  const watchesAfterOneAnswerOf500 =
    (await watchesWhile(server, () => pause(8_000))) - (refusals < 1 ? 1 : 0);
  failing.stop();

  const quiet = one.informer();
  const watchesInAQuiet35Seconds = await watchesWhile(server, async () => {
    quiet.start();
    await pause(35_000);
  });
  quiet.stop();
  await server.stop();
  return {
    connectionsFor50Gets,
    keepsUnknownFieldOnRead: read.includes('futureField'),
    keepsUnknownFieldOnWrite: written.includes('futureField'),
    asksForBookmarks: asked?.get('allowWatchBookmarks') === 'true',
    watchesAfterOneAnswerOf500,
    watchesAfterStartingTwice,
    watchesInAQuiet35Seconds,
  };
}

/** Both sides against a scripted server each, at the same time: about 45 s. */
export async function measureFacts(): Promise<Record<Contender, Facts>> {
  const [own, other] = await Promise.all([factsOf(fairlead), factsOf(clientNode)]);
  return { fairlead: own, 'client-node': other };
}
