import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import type { RouterConfig } from '../config.ts';
import { ask, demandOf, markOf, openAt } from '../testing/held.ts';
import type { RawClient } from '../testing/raw-client.ts';
import { type ScriptedUpstream, sendJson, startUpstream } from '../testing/scripted-upstream.ts';
import { routersNamespace, startTestRouter, type TestRouter } from '../testing/test-router.ts';

const key = 'sk-tenant-0123456789';
const headers = [`authorization: Bearer ${key}`];

let upstream: ScriptedUpstream;
let routers: TestRouter[];
let clients: RawClient[];

beforeEach(async () => {
  upstream = await startUpstream();
  routers = [];
  clients = [];
});
afterEach(async () => {
  for (const { socket } of clients) socket.destroy();
  for (const router of routers.reverse()) await router.stop();
  await upstream.stop();
});

/** Two routers of one cluster that have found each other. */
async function startTwo(config: Partial<RouterConfig> = {}): Promise<[TestRouter, TestRouter]> {
  const named = (name: string) => ({
    ...config,
    ownPod: { namespace: routersNamespace, name },
  });
  const one = await startTestRouter(named('one'));
  routers.push(one);
  const two = await startTestRouter(named('two'), undefined, one);
  routers.push(two);
  one.putRouter('one', one.internalAddress);
  one.putRouter('two', two.internalAddress);
  return [one, two];
}

/** Waits until a router has heard what another one has of a model. */
async function untilHeard(router: TestRouter, model: string, held: number): Promise<void> {
  await eventually(
    `${held} are heard`,
    () => router.neighbours.demands(`default/${model}`)[0]?.demand === held,
  );
}

async function answerAll(open: ReturnType<typeof openAt>, count: number): Promise<string[]> {
  const marks: string[] = [];
  while (marks.length < count) {
    const request = await open.next();
    marks.push(markOf(request));
    sendJson(request, { ok: true });
  }
  return marks;
}

test('two routers that hold requests fill a replica once between them', async () => {
  const [one, two] = await startTwo();
  one.putModel('m', { maxConcurrency: 4 });
  for (const router of [one, two]) await router.untilReplicas('m', 0);
  for (let at = 0; at < 6; at++) {
    for (const [name, router] of [
      ['one', one],
      ['two', two],
    ] as const) {
      clients.push(await ask(router, { model: 'm', mark: `${name}-${at}` }));
    }
  }
  await untilHeard(one, 'm', 6);
  await untilHeard(two, 'm', 6);
  const open = openAt(upstream);
  one.putPod('m', 'm-0', upstream.port);
  await eventually('the replica is full', () => open.open.length === 4);
  const from = open.open.map((request) => markOf(request).slice(0, 3)).sort();
  expect(from).toEqual(['one', 'one', 'two', 'two']);
  const marks = await answerAll(open, 12);
  expect(marks.length).toBe(12);
  // What a neighbour does is heard a few hundredths of a second later; one more each is what that may cost.
  expect(open.most()).toBeLessThanOrEqual(6);
  for (const router of [one, two]) {
    await eventually('nothing is left', () => router.inFlight() === 0);
  }
});

test('what one router holds outlives the other', async () => {
  const [one, two] = await startTwo();
  one.putModel('m', { maxConcurrency: 1 });
  for (const router of [one, two]) await router.untilReplicas('m', 0);
  const [kept, lost] = [
    await ask(one, { model: 'm', mark: 'kept' }),
    await ask(two, { model: 'm', mark: 'lost' }),
  ];
  clients.push(kept, lost);
  await untilHeard(one, 'm', 1);
  lost.socket.destroy();
  await two.stop();
  routers.pop();
  one.removeRouter('two');
  await eventually('the neighbour is forgotten', () => one.neighbours.count === 0);
  one.putPod('m', 'm-0', upstream.port);
  expect(await kept.received(/^HTTP.*\}$/s)).toContain('200 OK');
});

test('limits of a key hold over all routers; one that goes takes only its own use', async () => {
  const [one, two] = await startTwo({ auth: { mode: 'required', namespace: 'keys' } });
  one.putKey('tenant', { key, policy: 'maxInFlight: 2' });
  one.putModel('m');
  one.putPod('m', 'm-0', upstream.port);
  for (const router of [one, two]) await router.untilReplicas('m', 1, key);
  openAt(upstream);
  const status = async ({ address }: TestRouter) => {
    const answer = await fetch(`${address}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: '{"model":"m","mark":"x"}',
    });
    return answer.status;
  };
  for (const router of [one, two]) {
    clients.push(await ask(router, { model: 'm', mark: 'a' }, { headers }));
  }
  const used = (router: TestRouter) => router.neighbours.useOf('tenant').inFlight;
  await eventually('each has heard of the other’s', () => used(one) === 1 && used(two) === 1);
  expect([await status(one), await status(two)]).toEqual([429, 429]);
  await two.shutdown();
  one.removeRouter('two');
  await eventually('the neighbour is forgotten', () => used(one) === 0);
  upstream.answer = (request) => sendJson(request, { ok: true });
  expect(await status(one)).toBe(200);
});

test('requests per minute are one sum, and the headers tell it', async () => {
  const [one, two] = await startTwo({ auth: { mode: 'required', namespace: 'keys' } });
  one.putKey('tenant', { key, policy: 'requestsPerMinute: 2' });
  one.putModel('m');
  one.putPod('m', 'm-0', upstream.port);
  for (const router of [one, two]) await router.untilReplicas('m', 1, key);
  const send = ({ address }: TestRouter) =>
    fetch(`${address}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: '{"model":"m"}',
    });
  expect((await send(one)).status).toBe(200);
  await eventually('it is heard', () => two.neighbours.useOf('tenant').requests === 1);
  const second = await send(two);
  expect([second.status, second.headers.get('x-ratelimit-remaining-requests')]).toEqual([200, '0']);
  const third = await send(two);
  expect(third.status).toBe(429);
  expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(0);
});

test('the demand of each is its own', async () => {
  const [one, two] = await startTwo();
  one.putModel('m');
  for (const router of [one, two]) await router.untilReplicas('m', 0);
  clients.push(await ask(one, { model: 'm', mark: 'a' }));
  const follower = demandOf(two, 'm');
  await untilHeard(two, 'm', 1);
  expect(follower.told()).toBeUndefined();
  await follower.stop();
});
