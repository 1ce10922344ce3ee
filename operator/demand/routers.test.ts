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
import { followRouters } from './routers.ts';

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
  const demand = followRouters({
    routers: {
      store,
      addHandler(handler) {
        handlers.add(handler);
        return () => handlers.delete(handler);
      },
    },
    onDraining: (uid) => told.push(uid),
    nowMs: () => clock.nowMs,
  });
  cleanUp.push(() => demand.stop());
  const tell: Handler<Pod> = (...change) => {
    for (const handler of handlers) handler(...change);
  };
  return {
    demand,
    told,
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
