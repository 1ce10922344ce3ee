import { afterEach, expect, test } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import { type ScriptedUpstream, sendJson, startUpstream } from '../testing/scripted-upstream.ts';
import { type ModelSpec, startTestRouter, type TestRouter } from '../testing/test-router.ts';

let router: TestRouter;
let upstream: ScriptedUpstream;
afterEach(async () => {
  await router.stop();
  await upstream.stop();
});

async function start(spec: ModelSpec = {}): Promise<void> {
  upstream = await startUpstream((request) => sendJson(request, { ok: true }));
  router = await startTestRouter();
  router.putModel('m', spec);
  router.putPod('m', 'm-0', upstream.port);
  await router.untilReplicas('m', 1);
}

const ask = async (): Promise<number> =>
  (
    await fetch(`${router.address}/v1/chat/completions`, {
      method: 'POST',
      body: '{"model":"m"}',
    })
  ).status;

test('a pod counts as soon as it is ready and no longer than that', async () => {
  await start({ hold: { timeout: '0s' } });
  expect(await ask()).toBe(200);
  router.putPod('m', 'm-0', upstream.port, { ready: false });
  await eventually('the pod is out', async () => (await ask()) === 503);
  router.putPod('m', 'm-0', upstream.port);
  await eventually('the pod is back', async () => (await ask()) === 200);
  router.putPod('m', 'm-0', upstream.port, { annotations: { 'fairlead.dev/draining': 'now' } });
  await eventually('the pod drains', async () => (await ask()) === 503);
});

test('a pod that is given to another model serves that one alone', async () => {
  await start();
  router.putModel('other');
  await router.untilReplicas('other', 0);
  router.putPod('other', 'm-0', upstream.port);
  await router.untilReplicas('other', 1);
  await router.untilReplicas('m', 0);
});

test('a request goes on when its pod leaves the catalog', async () => {
  await start();
  let finish: (() => void) | undefined;
  upstream.answer = (request) => {
    finish = () => sendJson(request, { late: true });
  };
  const answer = ask();
  await eventually('the engine has the request', () => finish);
  router.removePod('m-0');
  await router.untilReplicas('m', 0);
  finish?.();
  expect(await answer).toBe(200);
});

test('without its API server the router serves what it knew, and says how old that is', async () => {
  await start();
  await router.api.stop();
  const age = async () =>
    Number(/^fairlead_catalog_age_seconds (\S+)/m.exec(await router.metrics())?.[1]);
  await eventually('the age is seen to grow', async () => (await age()) > 0.3);
  expect(router.isReady()).toBe(true);
  expect(await ask()).toBe(200);
  await router.api.start();
  router.putModel('later');
  await router.untilReplicas('later', 0);
});

test('the counters of each model begin at zero', async () => {
  await start();
  const series =
    'fairlead_requests_total{gen_ai_request_model="m",gen_ai_operation_name="text_completion",code="200",outcome="ok"} 0';
  await eventually('its counters', async () => (await router.metrics()).includes(series));
});

test('of the API server nothing is asked but lists and watches of the two kinds', async () => {
  await start();
  expect(new Set(router.api.seen.map(({ method, path }) => `${method} ${path}`))).toEqual(
    new Set(['GET /apis/fairlead.dev/v1alpha1/modeldeployments', 'GET /api/v1/pods']),
  );
});

test('told to watch one namespace the router asks for no other', async () => {
  upstream = await startUpstream();
  router = await startTestRouter({ watchNamespace: 'default' });
  router.putModel('m');
  await router.untilReplicas('m', 0);
  for (const { path } of router.api.seen) expect(path).toContain('/namespaces/default/');
});
