import { afterEach, expect, test } from 'vitest';
import { leaseMs } from './demand.ts';
import { DemandFollowers } from './followers.ts';
import { startStreamServer } from './testing/stream-server.ts';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const one of cleanUp.splice(0).reverse()) await one();
});

async function router(name: string) {
  const server = await startStreamServer(name);
  cleanUp.push(() => server.stop());
  return server;
}

function follower() {
  const clock = { nowMs: 0 };
  const lost: string[] = [];
  const followers = new DemandFollowers({ onLost: (key) => lost.push(key) }, () => clock.nowMs);
  cleanUp.push(() => followers.stop());
  const held = (key: string) => () => {
    const one = followers.live().find((live) => live.key === key);
    return one?.state?.models.get('a/x')?.held;
  };
  return { clock, lost, followers, held };
}

const model = (held: number) => ({ namespace: 'a', name: 'x', inFlight: 0, held });

test('each router’s state, under its own name; one that goes takes only its own', async () => {
  const [one, two] = [await router('one'), await router('two')];
  const { followers, held, lost } = follower();
  one.say({ full: true, models: [model(3)] });
  two.say({ full: true, models: [model(4)] });
  followers.set('1', one.origin);
  followers.set('2', two.origin);
  expect(followers.live().map(({ state }) => state)).toEqual([undefined, undefined]);
  await expect.poll(held('1'), { timeout: 60_000 }).toBe(3);
  await expect.poll(held('2'), { timeout: 60_000 }).toBe(4);
  expect(followers.live().map((live) => live.router)).toEqual(['one', 'two']);
  followers.set('1', undefined);
  expect(followers.live().map(({ key }) => key)).toEqual(['2']);
  expect(lost).toEqual(['1']);
  await expect.poll(() => one.followers(), { timeout: 60_000 }).toBe(0);
});

test('a stream that breaks is taken up again, and what was known holds until then', async () => {
  const one = await router('one');
  const { followers, held } = follower();
  one.say({ full: true, models: [model(3)] });
  followers.set('1', one.origin);
  await expect.poll(held('1'), { timeout: 60_000 }).toBe(3);
  one.cut();
  await expect.poll(() => one.followers(), { timeout: 60_000 }).toBe(0);
  expect(held('1')()).toBe(3);
  one.say({ full: true, models: [model(5)] });
  await expect.poll(held('1'), { timeout: 60_000 }).toBe(5);
});

test('who is silent for its lease does not count until it speaks again', async () => {
  const one = await router('one');
  const { clock, followers, held } = follower();
  one.say({ full: true, models: [model(3)] });
  followers.set('1', one.origin);
  await expect.poll(held('1'), { timeout: 60_000 }).toBe(3);
  clock.nowMs = leaseMs;
  expect(followers.live()).toEqual([]);
  one.say({ models: [model(2)] });
  await expect.poll(held('1'), { timeout: 60_000 }).toBe(2);
});
