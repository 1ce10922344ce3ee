import { afterEach, expect, test } from 'vitest';
import { type StreamServer, startStreamServer } from '../../protocol/testing/stream-server.ts';
import { encodeBlocks, listOf } from '../balance/block-list.ts';
import { ReplicaLoads } from '../balance/replica-loads.ts';
import { Neighbours } from './neighbours.ts';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of cleanUp.splice(0).reverse()) await one();
});

const use = (demand: number) => ({
  models: [{ namespace: 'a', name: 'x', inFlight: demand, held: 2 * demand }],
  pods: [{ uid: 'p', inFlight: demand, draining: false, pendingTokens: 10 * demand }],
  tenants: [{ name: 't', inFlight: demand, requests: 2 * demand, tokens: 30 * demand }],
});

async function routers(...names: string[]): Promise<StreamServer[]> {
  const servers = await Promise.all(names.map((name) => startStreamServer(name)));
  cleanUp.push(() => servers.map((server) => server.stop()));
  return servers;
}

test('the sums over the others, and what each has of a model; none of it is this router’s own', async () => {
  const servers = await routers('me', 'one', 'two');
  const neighbours = new Neighbours('me', () => {}, performance.now.bind(performance));
  cleanUp.push(() => neighbours.stop());
  expect(neighbours.inFlight('p')).toBe(0);
  servers.forEach((server, at) => {
    server.say({ full: true, ...use(at + 1) });
    neighbours.set(`pod-${at}`, server.origin);
  });
  await expect.poll(() => neighbours.inFlight('p'), { timeout: 60_000 }).toBe(5);
  expect(neighbours.count).toBe(2);
  expect(neighbours.pendingTokens('p')).toBe(50);
  expect(neighbours.demands('a/x')).toEqual([
    { router: 'one', demand: 6 },
    { router: 'two', demand: 9 },
  ]);
  expect(neighbours.useOf('t')).toEqual({ inFlight: 5, requests: 10, tokens: 150 });
  expect(neighbours.useOf('unknown')).toEqual({ inFlight: 0, requests: 0, tokens: 0 });
  neighbours.set('pod-1', undefined);
  expect(neighbours.inFlight('p')).toBe(3);
});

test('it is told when something changes, and when a neighbour goes', async () => {
  const [server] = await routers('one');
  let changes = 0;
  const neighbours = new Neighbours('me', () => changes++, performance.now.bind(performance));
  cleanUp.push(() => neighbours.stop());
  neighbours.set('pod', server!.origin);
  await expect.poll(() => changes, { timeout: 60_000 }).toBe(1);
  server!.say(use(1));
  await expect.poll(() => neighbours.inFlight('p'), { timeout: 60_000 }).toBe(1);
  expect(changes).toBe(2);
  neighbours.set('pod', undefined);
  expect(changes).toBe(3);
  expect(neighbours.demands('a/x')).toEqual([]);
});

test('what they have at replicas, and what they sent there, counts in this router’s decisions', async () => {
  const servers = await routers('me', 'one', 'two');
  const loads = new ReplicaLoads();
  loads.retain(['p', 'q']);
  const neighbours = new Neighbours('me', () => {}, performance.now.bind(performance), loads);
  cleanUp.push(() => neighbours.stop());
  const prompt = Int32Array.of(1, 2, 3);
  servers.forEach((server, at) => {
    server.say({ full: true, ...use(at + 1) });
    neighbours.set(`pod-${at}`, server.origin);
  });
  await expect.poll(() => loads.of('p').allPendingTokens, { timeout: 60_000 }).toBe(50);
  expect(loads.of('p').allInFlight).toBe(5);
  expect(loads.of('q').allInFlight).toBe(0);
  const told = { uid: 'q', list: encodeBlocks(listOf(prompt)) };
  servers[1]!.say({ blocks: [{ uid: 'q', list: 'nonsense' }, told] });
  await expect.poll(() => loads.of('q').prefixes.matchLength(prompt), { timeout: 60_000 }).toBe(3);
  neighbours.set('pod-2', undefined);
  expect(loads.of('p').allInFlight).toBe(2);
});
