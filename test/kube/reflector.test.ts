import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createClient, type KubeClient } from '../../kube/client.ts';
import { keyOf } from '../../kube/object.ts';
import { createReflector, type Reflector } from '../../kube/reflector.ts';
import { type ConfigMap, ConfigMaps } from '../../kube/resources.ts';
import { Namespaces } from '../../kube/testing/objects.ts';
import { eventually, openSockets } from '../../kube/testing/wait.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { type CuttingProxy, startCuttingProxy } from './cutting-proxy.ts';

let plane: ControlPlane;
let proxy: CuttingProxy;
/** Straight to the server. */
let writer: KubeClient;
/** Through the proxy. */
let client: KubeClient;
let reflector: Reflector<ConfigMap>;
/** What a reader who only listens to the reflector believes. */
let told: Map<string, ConfigMap>;
let sockets: number;
let namespace: string;
let rounds = 0;

beforeAll(async () => {
  plane = await startControlPlane();
});
afterAll(() => plane.stop());
beforeEach(async () => {
  namespace = `reflector-${++rounds}`;
  writer = createClient(plane.config);
  await writer.create(Namespaces, { metadata: { name: namespace } });
  proxy = await startCuttingProxy(plane.port);
  sockets = openSockets().length;
  client = createClient({ ...plane.config, server: `https://127.0.0.1:${proxy.port}` });
  reflector = createReflector({ client, type: ConfigMaps, namespace });
  told = new Map();
  reflector.addHandler((before, after) => {
    if (after) told.set(keyOf(after), after);
    else if (before) told.delete(keyOf(before));
  });
  reflector.start();
});
afterEach(async () => {
  await reflector.stop();
  await client.close();
  await writer.close();
  await eventually('no connection at the proxy', () => proxy.connections === 0);
  await proxy.close();
  expect(openSockets().length).toBeLessThanOrEqual(sockets);
});

/** Writes without pause until stopped: eight names, each created, changed and deleted in turn. */
function keepWriting() {
  let running = true;
  let writes = 0;
  const work = (async () => {
    for (let round = 0; running; round++) {
      const ref = { namespace, name: `w${round % 8}` };
      const data = { round: `${round}` };
      const call =
        round % 16 < 12
          ? writer.apply(ConfigMaps, { metadata: ref, data }, { fieldManager: 'writer' })
          : writer.delete(ConfigMaps, ref);
      await call.then(
        () => writes++,
        () => {},
      );
    }
  })();
  return {
    count: () => writes,
    async stop() {
      running = false;
      await work;
    },
  };
}

async function equal(): Promise<void> {
  const { items } = await writer.list(ConfigMaps, { namespace });
  const versions = (objects: Iterable<ConfigMap>) =>
    [...objects].map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`).sort();
  await eventually(
    'the store to equal the list of the server',
    () => versions(reflector.store.list()).join() === versions(items).join(),
    40_000,
  );
  expect(new Set(told.values())).toEqual(new Set(reflector.store.list()));
}

describe('reflector on a real API server', () => {
  it('converges after a proxy that cuts watches all the time', async () => {
    const writing = keepWriting();
    for (let cuts = 0; cuts < 30; cuts++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      proxy.cut();
    }
    await writing.stop();
    expect(writing.count()).toBeGreaterThan(100);
    await equal();
  });

  it('converges after 20 restarts of the API server in a row, under writes, with compaction', async () => {
    const writing = keepWriting();
    for (let restart = 0; restart < 20; restart++) {
      const before = writing.count();
      await plane.killApiServer();
      await plane.startApiServer();
      await eventually('writes again', () => writing.count() > before + 5);
      if (restart % 4 === 3) await plane.compact();
    }
    await writing.stop();
    await equal();
  }, 300_000);

  it('lists the present state when it cannot resume though its version is not compacted', async () => {
    const ref = { namespace, name: 'changes' };
    await writer.create(ConfigMaps, { metadata: ref, data: { is: 'old' } });
    await eventually('the object', () => reflector.store.get(keyOf({ metadata: ref })));
    proxy.frozen = true;
    await writer.patch(ConfigMaps, ref, { data: { is: 'new' } }, { patchType: 'merge' });
    await plane.killApiServer();
    // Its watch cache begins with the present, and etcd still has the past.
    await plane.startApiServer();
    await writer.patch(ConfigMaps, ref, { data: { is: 'newer' } }, { patchType: 'merge' });
    proxy.frozen = false;
    await equal();
  });

  it('reports as deleted what vanished while it was cut off and history was compacted', async () => {
    const ref = { namespace, name: 'vanishes' };
    await writer.create(ConfigMaps, { metadata: ref, data: { last: 'known' } });
    await eventually('the object', () => reflector.store.get(keyOf({ metadata: ref })));
    const deleted: ConfigMap[] = [];
    reflector.addHandler((before, after) => {
      if (before && !after) deleted.push(before);
    });
    proxy.frozen = true;
    await writer.delete(ConfigMaps, ref);
    await plane.compact();
    await plane.killApiServer();
    await plane.startApiServer();
    proxy.frozen = false;
    await eventually('the deletion', () => deleted.length === 1, 60_000);
    expect(deleted[0]).toMatchObject({ metadata: { name: 'vanishes' }, data: { last: 'known' } });
    await equal();
  });
});
