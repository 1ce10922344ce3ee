import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { keyOf } from '../../kube/object.ts';
import type { Handler } from '../../kube/reflector.ts';
import type { Pod } from '../../kube/resources.ts';
import { createStore } from '../../kube/store.ts';
import { eventually } from '../../kube/testing/wait.ts';
import { demandPath, encodeDemand, leaseMs } from '../../protocol/demand.ts';
import { followRouters, type ModelLoad } from './routers.ts';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of cleanUp.splice(0).reverse()) await one();
});

/** A router that says what it is told to, to everyone who follows it. */
async function router() {
  const streams = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    expect(request.url).toBe(demandPath);
    response.writeHead(200);
    response.write(encodeDemand({ full: true, models: [], pods: [] }));
    streams.add(response);
    response.on('close', () => streams.delete(response));
  });
  const listen = async (port = 0) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  cleanUp.push(close);
  const port = await listen();
  return {
    port,
    close,
    listen,
    followers: () => streams.size,
    hangUp: () => server.closeAllConnections(),
    async sayModels(
      ...models: { namespace: string; name: string; inFlight: number; held: number }[]
    ) {
      await eventually('someone follows', () => streams.size > 0);
      for (const stream of streams) stream.write(encodeDemand({ full: false, models, pods: [] }));
    },
    async say(...pods: Parameters<typeof encodeDemand>[0]['pods']) {
      await eventually('someone follows', () => streams.size > 0);
      for (const stream of streams) stream.write(encodeDemand({ full: false, models: [], pods }));
    },
  };
}

/** The operator's view of these routers. */
function operator() {
  const store = createStore<Pod>();
  const handlers = new Set<Handler<Pod>>();
  const clock = { nowMs: 0 };
  const told: string[] = [];
  const active: string[] = [];
  const news: ModelLoad[] = [];
  const demand = followRouters({
    routers: {
      store,
      addHandler(handler) {
        handlers.add(handler);
        return () => handlers.delete(handler);
      },
    },
    nowMs: () => clock.nowMs,
  });
  cleanUp.push(() => demand.stop());
  demand.listen({
    onDraining: (uid) => told.push(uid),
    onModel: (key) => active.push(key),
    onRouters: () => news.push(demand.loadOf('team/m')),
  });
  const tell: Handler<Pod> = (...change) => {
    for (const handler of handlers) handler(...change);
  };
  return {
    demand,
    told,
    active,
    news,
    clock,
    add(name: string, port: number, status: object = {}) {
      const pod = {
        metadata: { name, namespace: 'fairlead' },
        spec: {
          containers: [{ name: 'router', ports: [{ name: 'metrics', containerPort: port }] }],
        },
        status: { phase: 'Running', podIP: '127.0.0.1', ...status },
      } as unknown as Pod;
      const before = store.set(pod);
      tell(before, pod, 'watch');
      return pod;
    },
    remove(pod: Pod) {
      store.remove(keyOf(pod));
      tell(pod, undefined, 'watch');
    },
  };
}

const draining = (uid: string, inFlight = 0) => ({ uid, inFlight, draining: true });

test('a pod is drained when every router has seen it drain and has nothing in flight there', async () => {
  const [one, two] = [await router(), await router()];
  const { demand, told, add } = operator();
  add('one', one.port);
  add('two', two.port);
  expect(demand.isDrained('p')).toBe(false);
  await one.say(draining('p', 2));
  await two.say({ uid: 'p', inFlight: 1, draining: false });
  await eventually('both are heard', () => demand.inFlight('p') === 3);
  await one.say(draining('p'));
  await eventually('one is done', () => told.length === 1);
  expect(demand.isDrained('p')).toBe(false);
  await two.say(draining('p'));
  await eventually('both are done', () => demand.isDrained('p'));
  expect(told).toEqual(['p', 'p']);
  await one.say(draining('p', 1));
  await eventually('a late request counts', () => !demand.isDrained('p'));
});

test('where there is no router, or none that runs, nobody is waited for', async () => {
  const { demand, add } = operator();
  expect(demand.isDrained('p')).toBe(true);
  add('pending', 1, { phase: 'Pending', podIP: undefined });
  expect(demand.isDrained('p')).toBe(true);
});

test('a router that is silent, or never answers, is not waited for beyond its lease', async () => {
  const one = await router();
  const { demand, clock, add } = operator();
  add('one', one.port);
  await one.say({ uid: 'p', inFlight: 1, draining: false });
  await eventually('it is heard', () => demand.inFlight('p') === 1);
  clock.nowMs = leaseMs - 1;
  expect(demand.isDrained('p')).toBe(false);
  clock.nowMs = leaseMs;
  expect(demand.isDrained('p')).toBe(true);
  await one.say();
  await eventually('it speaks again', () => !demand.isDrained('p'));
});

test('a router that comes is asked, one that goes is forgotten, one that returns is found', async () => {
  const one = await router();
  const { demand, add, remove } = operator();
  const pod = add('one', one.port);
  await one.say(draining('p', 1));
  await eventually('it is heard', () => demand.inFlight('p') === 1);
  remove(pod);
  expect(demand.isDrained('p')).toBe(true);
  await eventually('its stream is closed', () => one.followers() === 0);

  const again = add('one', one.port);
  await one.say(draining('p', 4));
  await eventually('it is heard again', () => demand.inFlight('p') === 4);
  one.close();
  await eventually('nobody follows', () => one.followers() === 0);
  await one.listen(one.port);
  await one.say(draining('p', 5));
  await eventually('it is found again', () => demand.inFlight('p') === 5);
  remove(again);
});

const ready = { conditions: [{ type: 'Ready', status: 'True' }] };
const model = (inFlight: number, held: number) => ({
  namespace: 'team',
  name: 'm',
  inFlight,
  held,
});

test('the load of a model is the sum over the routers, and every change of it is told', async () => {
  const [one, two] = [await router(), await router()];
  const { demand, active, news, add, remove } = operator();
  expect(demand.loadOf('team/m')).toEqual({ inFlight: 0, held: 0, isComplete: false });
  const first = add('one', one.port, ready);
  await one.sayModels(model(2, 0));
  await eventually('it is heard', () => demand.loadOf('team/m').inFlight === 2);
  expect(demand.loadOf('team/m')).toEqual({ inFlight: 2, held: 0, isComplete: true });
  add('two', two.port, ready);
  expect(demand.loadOf('team/m').isComplete).toBe(false);
  await two.sayModels(model(1, 3));
  await eventually('both are heard', () => demand.loadOf('team/m').held === 3);
  expect(demand.loadOf('team/m')).toEqual({ inFlight: 3, held: 3, isComplete: true });
  expect(demand.loadOf('team/other')).toEqual({ inFlight: 0, held: 0, isComplete: true });
  expect(active).toEqual(['team/m', 'team/m']);
  expect(news.at(-1)?.isComplete).toBe(true);
  remove(first);
  expect(demand.loadOf('team/m')).toEqual({ inFlight: 1, held: 3, isComplete: true });
  expect(news.at(-1)).toEqual({ inFlight: 1, held: 3, isComplete: true });
});

test('while a router that serves is silent the load is not complete; one that does not serve is left out', async () => {
  const [one, two] = [await router(), await router()];
  const { demand, clock, add } = operator();
  add('one', one.port, ready);
  add('two', two.port);
  await one.sayModels(model(2, 0));
  await eventually('it is heard', () => demand.loadOf('team/m').inFlight === 2);
  expect(demand.loadOf('team/m').isComplete).toBe(true);
  clock.nowMs = leaseMs;
  expect(demand.loadOf('team/m')).toEqual({ inFlight: 0, held: 0, isComplete: false });
  await one.sayModels();
  await eventually('it speaks again', () => demand.loadOf('team/m').isComplete);
});

test('a stream that begins anew is told of', async () => {
  const one = await router();
  const { demand, news, add } = operator();
  add('one', one.port, ready);
  await eventually('it is heard', () => demand.loadOf('team/m').isComplete);
  const before = news.length;
  one.hangUp();
  await eventually('it is followed again', () => news.length > before);
});

test('what is no stream is asked again, later', async () => {
  let asked = 0;
  const server = createServer((_request, response) => {
    asked++;
    if (asked === 1) response.writeHead(503).end();
    else if (asked === 2) response.end('nonsense\n');
    else response.write(encodeDemand({ full: true, models: [], pods: [draining('p')] }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUp.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { demand, add } = operator();
  add('odd', (server.address() as AddressInfo).port);
  await eventually('the third answer is read', () => demand.isDrained('p'));
  expect(asked).toBe(3);
});
