import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import {
  type ScriptedUpstream,
  sendJson,
  startUpstream,
  type UpstreamRequest,
} from '../testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from '../testing/test-router.ts';

// Waits have deadlines of their own; a busy machine may need longer than the default.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 30_000 });

let upstreams: [ScriptedUpstream, ScriptedUpstream, ScriptedUpstream];
let router: TestRouter;
beforeAll(async () => {
  upstreams = await Promise.all([startUpstream(), startUpstream(), startUpstream()]);
  router = await startTestRouter();
});
afterAll(() =>
  Promise.all([router?.stop(), ...(upstreams ?? []).map((upstream) => upstream.stop())]),
);

async function modelAt(model: string, replicas: readonly ScriptedUpstream[]): Promise<void> {
  for (const upstream of replicas) upstream.requests.length = 0;
  router.putModel(model, { routing: { policy: 'RoundRobin' } });
  for (const [index, { port }] of replicas.entries()) {
    router.putPod(model, `${model}-${index}`, port);
  }
  await router.untilReplicas(model, replicas.length);
}

const ask = async (model: string): Promise<number> => {
  const answer = await fetch(`${router.address}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model }),
  });
  await answer.arrayBuffer();
  return answer.status;
};

const reset = ({ socket }: UpstreamRequest) => void socket.resetAndDestroy();
const good = (request: UpstreamRequest) => sendJson(request, { good: true });

test('a total outage makes at most 1.3 times the requests that clients make', async () => {
  for (const upstream of upstreams) upstream.answer = reset;
  await modelAt('dead', upstreams);
  const offered = 500;
  const startMs = performance.now();
  let left = offered;
  const client = async () => {
    while (left-- > 0) expect(await ask('dead')).toBe(502);
  };
  await Promise.all(Array.from({ length: 20 }, client));
  const seconds = (performance.now() - startMs) / 1000;
  const sent = upstreams.reduce((sum, { requests }) => sum + requests.length, 0);
  expect(sent).toBeGreaterThanOrEqual(offered);
  // A fifth, ten a second, and the ten saved up before; a slow machine has more seconds.
  expect(sent).toBeLessThanOrEqual(Math.max(1.3 * offered, 1.2 * offered + 10 + 10 * seconds));
  expect(router.inFlight()).toBe(0);
});

test('a replica that fails is left out, tried with one request, and comes back when that is answered', async () => {
  const [bad, second, third] = upstreams;
  bad.answer = reset;
  for (const upstream of [second, third]) upstream.answer = good;
  await modelAt('half', upstreams);
  const ejections = () =>
    router
      .metrics()
      .then(
        (text) =>
          /fairlead_ejections_total\{gen_ai_request_model="half",reason="(\w+)"\} (\d+)/.exec(
            text,
          ) ?? [],
      );
  await eventually('it is ejected', async () => {
    expect(await ask('half')).toBe(200);
    return (await ejections())[1] === 'consecutive_failures';
  });
  expect(bad.requests).toHaveLength(3);

  let trial: UpstreamRequest | undefined;
  bad.answer = (request) => {
    trial ??= request;
  };
  const answers: Promise<number>[] = [];
  await eventually('it is tried', () => {
    if (!trial) answers.push(ask('half'));
    return trial;
  });
  for (let turn = 0; turn < 10; turn++) expect(await ask('half')).toBe(200);
  expect(bad.requests).toHaveLength(4);

  bad.answer = good;
  if (trial) good(trial);
  expect(await Promise.all(answers)).not.toContain(502);
  await eventually('it takes part again', async () => {
    await ask('half');
    return bad.requests.length > 6;
  });
});

test('the only replica is asked however often it fails', async () => {
  const [bad] = upstreams;
  bad.answer = reset;
  await modelAt('alone', [bad]);
  for (let turn = 0; turn < 10; turn++) expect(await ask('alone')).toBe(502);
  expect(bad.requests).toHaveLength(10);
  bad.answer = good;
  expect(await ask('alone')).toBe(200);
});

test('a replica that answers 500 far more often than the others is left out', async () => {
  const [bad, second, third] = upstreams;
  const error = { message: 'CUDA error', type: 'server_error', param: null, code: null };
  bad.answer = (request) => sendJson(request, { error }, 500);
  for (const upstream of [second, third]) upstream.answer = good;
  await modelAt('sick', upstreams);
  await eventually('it is ejected', async () => {
    await ask('sick');
    return /fairlead_ejections_total\{gen_ai_request_model="sick",reason="failure_share"\} 1/.test(
      await router.metrics(),
    );
  });
  expect(bad.requests.length).toBeGreaterThanOrEqual(10);
});
