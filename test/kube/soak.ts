import { createClient } from '../../kube/client.ts';
import { createController } from '../../kube/controller.ts';
import { isNotFound } from '../../kube/errors.ts';
import { keyOf, parseKey } from '../../kube/object.ts';
import { createReflector } from '../../kube/reflector.ts';
import { type ConfigMap, ConfigMaps } from '../../kube/resources.ts';
import { Namespaces } from '../../kube/testing/objects.ts';
import { eventually, openSockets } from '../../kube/testing/wait.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { type CuttingProxy, startCuttingProxy } from './cutting-proxy.ts';

/**
 * `make soak-kube`: a controller that keeps a copy of every object in another namespace, under writes and
 * random faults for ten minutes (or the seconds given as argument). Ends with an error unless store, copies
 * and server are equal, no socket is left, and memory is flat.
 */
const durationMs = Number(process.argv[2] ?? 600) * 1_000;
const names = 200;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const pick = (below: number) => Math.floor(Math.random() * below);
const say = (line: string) => process.stdout.write(`${new Date().toISOString()} ${line}\n`);
const check = (isTrue: boolean, what: string) => {
  if (!isTrue) throw new Error(`soak failed: ${what}`);
  say(`ok: ${what}`);
};
const counts = {
  writes: 0,
  reconciles: 0,
  events: 0,
  cuts: 0,
  frosts: 0,
  restarts: 0,
  compactions: 0,
};

async function write(plane: ControlPlane, untilMs: number): Promise<void> {
  const client = createClient(plane.config);
  for (let round = 0; performance.now() < untilMs; round++) {
    const ref = { namespace: 'source', name: `w${pick(names)}` };
    const data = { round: `${round}`, text: 'x'.repeat(pick(500)) };
    const call =
      pick(5) === 0
        ? client.delete(ConfigMaps, ref)
        : client.apply(ConfigMaps, { metadata: ref, data }, { fieldManager: 'writer' });
    await call.then(
      () => counts.writes++,
      () => {},
    );
    await pause(5);
  }
  await client.close();
}

async function disturb(plane: ControlPlane, proxy: CuttingProxy, untilMs: number): Promise<void> {
  while (performance.now() < untilMs) {
    await pause(200 + pick(2_500));
    const dice = pick(10);
    if (dice < 5) {
      counts.cuts++;
      proxy.cut();
    } else if (dice < 7) {
      counts.frosts++;
      proxy.frozen = true;
      await pause(500 + pick(3_000));
      proxy.frozen = false;
    } else if (dice < 9) {
      counts.compactions++;
      await plane.compact();
    } else {
      counts.restarts++;
      await plane.killApiServer();
      await pause(pick(2_000));
      await plane.startApiServer();
    }
  }
}

/** Heap in MiB after a collection, every five seconds. */
async function sampleHeap(untilMs: number, samples: number[]): Promise<void> {
  while (performance.now() < untilMs) {
    await pause(5_000);
    globalThis.gc?.();
    samples.push(process.memoryUsage().heapUsed / 2 ** 20);
  }
}

// Ends through the exit handlers, which take the control plane along.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
const plane = await startControlPlane();
const proxy = await startCuttingProxy(plane.port);
const direct = createClient(plane.config);
for (const name of ['source', 'copy']) await direct.create(Namespaces, { metadata: { name } });
await direct.close();
await pause(100);
const socketsBefore = openSockets().length;

const client = createClient({ ...plane.config, server: `https://127.0.0.1:${proxy.port}` });
const [source, copy] = ['source', 'copy'].map((namespace) =>
  createReflector<ConfigMap>({ client, type: ConfigMaps, namespace }),
);
if (!source || !copy) throw new Error('unreachable');
source.addHandler(() => {
  counts.events++;
});
const controller = createController({
  name: 'copier',
  workers: 4,
  async reconcile(key, { signal }) {
    counts.reconciles++;
    const { name } = parseKey(key);
    const ref = { namespace: 'copy', name };
    const wanted = source.store.get(`source/${name}`);
    if (wanted?.data?.round === copy.store.get(`copy/${name}`)?.data?.round) return;
    if (wanted) {
      const intent = { metadata: ref, data: wanted.data ?? {} };
      await client.apply(ConfigMaps, intent, { fieldManager: 'copier', force: true, signal });
    } else {
      await client.delete(ConfigMaps, ref, { signal }).catch((error) => {
        if (!isNotFound(error)) throw error;
      });
    }
  },
});
for (const reflector of [source, copy])
  controller.watch(reflector, ({ metadata }) => [`x/${metadata.name}`]);
source.start();
copy.start();
await controller.start();

say(`random faults for ${durationMs / 1_000} s`);
const untilMs = performance.now() + durationMs;
const heap: number[] = [];
const progress = setInterval(() => say(JSON.stringify(counts)), 60_000);
await Promise.all([
  ...Array.from({ length: 3 }, () => write(plane, untilMs)),
  disturb(plane, proxy, untilMs),
  sampleHeap(untilMs, heap),
]);
clearInterval(progress);
say(JSON.stringify(counts));

const reader = createClient(plane.config);
const rounds = (objects: readonly ConfigMap[]) =>
  objects
    .map(({ metadata, data }) => `${metadata.name}=${data?.round}`)
    .sort()
    .join();
const versions = (objects: readonly ConfigMap[]) =>
  objects
    .map((object) => `${keyOf(object)}@${object.metadata.resourceVersion}`)
    .sort()
    .join();
const list = async (namespace: string) => (await reader.list(ConfigMaps, { namespace })).items;
const differences = async () => {
  const [sources, copies] = [await list('source'), await list('copy')];
  return Object.entries({
    copies: rounds(sources) === rounds(copies),
    sourceStore: versions(sources) === versions(source.store.list()),
    copyStore: versions(copies) === versions(copy.store.list()),
  }).flatMap(([name, isEqual]) => (isEqual ? [] : name));
};
let different: string[] = [];
await eventually(
  'equality',
  async () => {
    different = await differences();
    return different.length === 0;
  },
  120_000,
).catch((error) => {
  throw new Error(`still different: ${different}`, { cause: error });
});
check(true, `stores and copies equal to the server, ${source.store.size} objects`);
await reader.close();
await controller.stop();
await Promise.all([source.stop(), copy.stop()]);
await client.close();
await eventually('no connection at the proxy', () => proxy.connections === 0);
// The compactions' own connections to etcd are kept for some seconds.
await eventually('no socket', () => openSockets().length <= socketsBefore);
check(true, 'no leaked socket');
const third = Math.max(1, Math.floor(heap.length / 3));
const mean = (values: number[]) => values.reduce((sum, one) => sum + one, 0) / values.length;
const [early, late] = [mean(heap.slice(third, 2 * third)), mean(heap.slice(-third))];
check(
  late <= early * 1.05 + 2,
  `memory flat: ${early.toFixed(1)} MiB, then ${late.toFixed(1)} MiB`,
);
await proxy.close();
await plane.stop();
