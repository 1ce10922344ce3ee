import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import { type ScriptedUpstream, sendJson, startUpstream } from '../testing/scripted-upstream.ts';
import { routersNamespace, startTestRouter, type TestRouter } from '../testing/test-router.ts';

let upstreams: ScriptedUpstream[];
let routers: TestRouter[];

beforeEach(async () => {
  upstreams = await Promise.all([startUpstream(), startUpstream(), startUpstream()]);
  for (const [at, upstream] of upstreams.entries()) {
    upstream.answer = (request) => sendJson(request, { from: at });
  }
  routers = [];
});
afterEach(async () => {
  for (const router of routers.toReversed()) await router.stop();
  await Promise.all(upstreams.map((upstream) => upstream.stop()));
});

/** Starts another router of the same cluster. */
async function start(name: string): Promise<TestRouter> {
  const ownPod = { namespace: routersNamespace, name };
  const router = await startTestRouter({ ownPod }, undefined, routers[0]);
  routers.push(router);
  router.putRouter(name, router.internalAddress);
  return router;
}

/** Asks with one of twelve conversations; the replica that answered. */
async function ask(router: TestRouter, conversation: number, more = ''): Promise<number> {
  const content = `${`Conversation ${conversation}. `.repeat(300)}${more}`;
  const answer = await fetch(`${router.address}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content }] }),
  });
  return ((await answer.json()) as { from: number }).from;
}

const conversations = Array.from({ length: 12 }, (_, at) => at);
const known = ({ loads }: TestRouter) =>
  Array.from(loads.blocks(), ({ id, blocks }) => `${id} ${[...blocks.keys].sort()}`).sort();
const isAtRest = ({ loads }: TestRouter) =>
  Array.from(loads.blocks(), ({ id }) => loads.of(id)).every(
    ({ allInFlight, allPendingTokens }) => allInFlight === 0 && allPendingTokens === 0,
  );
/** Loads and blocks are told beside each other: a replica may still look busy when its blocks are known. */
const hasHeardAll = (router: TestRouter, of: TestRouter) =>
  eventually(
    'what one knows the other knows',
    () => isAtRest(router) && `${known(router)}` === `${known(of)}`,
  );

test('a conversation that goes on at another router stays at its replica, also at one that came later', async () => {
  const [one, two] = [await start('one'), await start('two')];
  one.putModel('m', { maxConcurrency: 100 });
  for (const [at, { port }] of upstreams.entries()) one.putPod('m', `m-${at}`, port);
  for (const router of [one, two]) await router.untilReplicas('m', 3);
  await eventually('they follow each other', () =>
    [one, two].every(({ neighbours }) => neighbours.count === 1),
  );

  const first: number[] = [];
  for (const each of conversations) first.push(await ask(one, each));
  expect(new Set(first).size).toBeGreaterThan(1);
  await hasHeardAll(two, one);
  for (const each of conversations) expect(await ask(two, each, 'And then?')).toBe(first[each]);

  const three = await start('three');
  await three.untilReplicas('m', 3);
  await hasHeardAll(three, two);
  for (const each of conversations) expect(await ask(three, each, 'And now?')).toBe(first[each]);
  expect(await three.metrics()).toMatch(
    /^fairlead_routing_decisions_total\{gen_ai_request_model="m",policy="PrefixAware",reason="prefix"\} 12$/m,
  );
});

test('what another router has at a replica counts like this one’s own', async () => {
  const [one, two] = [await start('one'), await start('two')];
  one.putModel('m', { maxConcurrency: 100, routing: { policy: 'LeastLoad' } });
  for (const [at, { port }] of upstreams.entries()) one.putPod('m', `m-${at}`, port);
  for (const router of [one, two]) await router.untilReplicas('m', 3);
  const open: (() => void)[] = [];
  for (const [at, upstream] of upstreams.entries()) {
    upstream.answer = (request) => open.push(() => sendJson(request, { from: at }));
  }
  const busy = [ask(one, 0), ask(one, 1)];
  await eventually('two are open', () => open.length === 2);
  const inFlight = () =>
    Array.from(two.loads.blocks(), ({ id }) => two.loads.of(id).allInFlight).sort();
  await eventually('the other has heard', () => `${inFlight()}` === '1,1');
  const third = ask(two, 2);
  await eventually('three are open', () => open.length === 3);
  for (const answer of open) answer();
  expect(new Set(await Promise.all([...busy, third])).size).toBe(3);
});
