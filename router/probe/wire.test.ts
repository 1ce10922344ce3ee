import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import { type ScriptedUpstream, sendJson, startUpstream } from '../testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from '../testing/test-router.ts';

let router: TestRouter;
let upstream: ScriptedUpstream;
/** What the engine says of its health. */
let health: number;
let healthAsked: number;
const starting = { ready: false, healthPath: '/health' };

beforeEach(async () => {
  health = 503;
  healthAsked = 0;
  upstream = await startUpstream((request) => {
    const isHealth = request.head.startsWith('GET /health ');
    if (isHealth) healthAsked++;
    sendJson(request, { ok: true }, isHealth ? health : 200);
  });
  router = await startTestRouter();
  router.putModel('m');
});
afterEach(async () => {
  await router.stop();
  await upstream.stop();
});

const again = async (): Promise<void> => {
  const before = healthAsked;
  await eventually('it is asked two more times', () => healthAsked >= before + 2);
};

test('a pod is ready as soon as its engine answers, before the kubelet says so', async () => {
  router.putPod('m', 'm-0', upstream.port, starting);
  await again();
  await router.untilReplicas('m', 0);
  health = 200;
  await router.untilReplicas('m', 1);
  const answer = await fetch(`${router.address}/v1/chat/completions`, {
    method: 'POST',
    body: '{"model":"m"}',
  });
  expect(answer.status).toBe(200);
  health = 503;
  await router.untilReplicas('m', 0);
});

test('a pod that the kubelet took out after it had been ready stays out', async () => {
  health = 200;
  router.putPod('m', 'm-0', upstream.port, starting);
  await router.untilReplicas('m', 1);
  router.putPod('m', 'm-0', upstream.port, { healthPath: '/health', sinceS: 5 });
  router.putPod('m', 'm-0', upstream.port, { ...starting, sinceS: 9 });
  await router.untilReplicas('m', 0);

  // Another router, which did not see it ready, knows it by the times.
  const asked = healthAsked;
  const other = await startTestRouter();
  other.putModel('m');
  other.putPod('m', 'm-0', upstream.port, { ...starting, sinceS: 9 });
  other.putPod('m', 'm-1', upstream.port, starting);
  await other.untilReplicas('m', 1);
  await other.stop();
  await router.untilReplicas('m', 0);
  expect(healthAsked).toBeGreaterThan(asked);
});

test.each([
  ['deleted', { deletionTimestamp: '2026-11-21T12:00:00Z' }],
  ['drained', { annotations: { 'fairlead.dev/draining': 'now' } }],
])('a pod that is %s gets nothing new, however well it is', async (_case, state) => {
  health = 200;
  router.putPod('m', 'm-0', upstream.port, starting);
  await router.untilReplicas('m', 1);
  router.putPod('m', 'm-0', upstream.port, { ...starting, ...state });
  await router.untilReplicas('m', 0);
});
