import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import { ask, demandOf, openAt } from '../testing/held.ts';
import { type ScriptedUpstream, sendJson, startUpstream } from '../testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from '../testing/test-router.ts';

const cleanUp: (() => unknown)[] = [];
let upstream: ScriptedUpstream;
let router: TestRouter;

beforeEach(async () => {
  upstream = await startUpstream();
  router = await startTestRouter();
});
afterEach(async () => {
  for (const one of cleanUp.splice(0).reverse()) await one();
  await router.stop();
  await upstream.stop();
});

async function hold(model: string, mark = 'a') {
  const client = await ask(router, { model, mark });
  cleanUp.push(() => client.socket.destroy());
  return client;
}

function follow(model: string) {
  const { told, stop } = demandOf(router, model);
  cleanUp.push(stop);
  return { told, stop };
}

test('what is held is told, and no more when its client leaves or a replica takes it', async () => {
  router.putModel('m');
  await router.untilReplicas('m', 0);
  const { told } = follow('m');
  const [first] = [await hold('m'), await hold('m')];
  await eventually('both are told', () => told()?.held === 2);
  first.socket.destroy();
  await eventually('one is left', () => told()?.held === 1);
  const { next } = openAt(upstream);
  router.putPod('m', 'm-0', upstream.port);
  const request = await next();
  await eventually('it is in flight', () => told()?.held === 0 && told()?.inFlight === 1);
  sendJson(request, { ok: true });
  await eventually('it is over', () => told()?.inFlight === 0);
  expect(told()?.arrivals).toBe(2);
});

test('who follows anew, as an operator that was restarted, is told of what waits already', async () => {
  router.putModel('m');
  await router.untilReplicas('m', 0);
  const before = follow('m');
  const client = await hold('m');
  await eventually('it is told', () => before.told()?.held === 1);
  await before.stop();
  const after = follow('m');
  await eventually('it is told again', () => after.told()?.held === 1);
  router.putPod('m', 'm-0', upstream.port);
  expect(await client.received(/^HTTP.*\}$/s)).toContain('200 OK');
});

test('a fallback wins over waiting, and the model is wanted all the same', async () => {
  router.putModel('local', { routing: { fallbacks: ['spare'] } });
  router.putModel('spare');
  router.putPod('spare', 'spare-0', upstream.port);
  await router.untilReplicas('spare', 1);
  const { told } = follow('local');
  const { next } = openAt(upstream);
  const client = await hold('local');
  const request = await next();
  await eventually('it is wanted', () => told()?.held === 1);
  sendJson(request, { ok: true });
  expect(await client.received(/^HTTP.*\}$/s)).toContain('200 OK');
  await eventually('it is over', () => told()?.held === 0);
  expect(told()?.arrivals).toBe(1);
});

test('a fallback that becomes ready takes what waits', async () => {
  router.putModel('local', { routing: { fallbacks: ['spare'] } });
  router.putModel('spare');
  await router.untilReplicas('spare', 0);
  const client = await hold('local');
  router.putPod('spare', 'spare-0', upstream.port);
  expect(await client.received(/^HTTP.*\}$/s)).toContain('200 OK');
});

test('a request whose only replica has gone before its first byte waits for the next', async () => {
  router.putModel('m');
  router.putPod('m', 'm-0', upstream.port);
  await router.untilReplicas('m', 1);
  const { next } = openAt(upstream);
  const client = await hold('m');
  const request = await next();
  router.removePod('m-0');
  await router.untilReplicas('m', 0);
  request.socket.resetAndDestroy();
  const { told } = follow('m');
  await eventually('it is held', () => told()?.held === 1);
  upstream.answer = (again) => sendJson(again, { ok: true });
  router.putPod('m', 'm-1', upstream.port);
  expect(await client.received(/^HTTP.*\}$/s)).toContain('200 OK');
});
