import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, openSockets } from '../../kube/testing/wait.ts';
import { startBlackHole } from '../testing/faulty-replicas.ts';
import { openRaw, post } from '../testing/raw-client.ts';
import {
  beginStream,
  chunk,
  type ScriptedUpstream,
  startUpstream,
  type UpstreamRequest,
} from '../testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from '../testing/test-router.ts';

let upstream: ScriptedUpstream;
let router: TestRouter;
beforeAll(async () => {
  upstream = await startUpstream();
  router = await startTestRouter();
  router.putModel('m');
  router.putPod('m', 'm-0', upstream.port);
  await router.untilReplicas('m', 1);
});
afterAll(async () => {
  await router?.stop();
  await upstream?.stop();
});

type Goodbye = 'reset' | 'close' | 'half-close';

async function leave(phase: 'prefill' | 'streaming', how: Goodbye): Promise<void> {
  let request: UpstreamRequest | undefined;
  upstream.answer = (asked) => {
    request = asked;
    if (phase === 'streaming') {
      beginStream(asked);
      asked.socket.write(chunk('data: 1\n\n'));
    }
  };
  const body = '{"model":"m","stream":true}';
  const client = openRaw(router.address, post('/v1/chat/completions', body));
  await eventually('the engine has the request', () => request);
  if (phase === 'streaming') await client.received(/data: 1\n\n/);
  expect(router.inFlight()).toBe(1);
  if (how === 'reset') client.socket.resetAndDestroy();
  else if (how === 'close') client.socket.destroy();
  else client.socket.end();
  await eventually('the engine’s connection is closed', () => upstream.connections === 0);
  await eventually('the slot is free', () => router.inFlight() === 0);
}

test.each<['prefill' | 'streaming', Goodbye]>([
  ['prefill', 'reset'],
  ['prefill', 'close'],
  ['prefill', 'half-close'],
  ['streaming', 'reset'],
  ['streaming', 'close'],
  ['streaming', 'half-close'],
])('a client that goes in %s (%s) takes the engine’s connection with it', async (phase, how) => {
  const counted = async () =>
    Number(
      new RegExp(`fairlead_client_disconnects_total\\{.*phase="${phase}"\\} (\\d+)`).exec(
        await router.metrics(),
      )?.[1] ?? 0,
    );
  const before = await counted();
  await leave(phase, how);
  expect(await counted()).toBe(before + 1);
  expect(router.logged.at(-1)).toMatchObject({
    outcome: 'cancelled',
    error_type: 'client_disconnected',
    status: phase === 'streaming' ? 200 : 0,
  });
});

test('a client that goes while it still sends its body holds nothing', async () => {
  const before = upstream.requests.length;
  const client = openRaw(
    router.address,
    post('/v1/chat/completions', '{"model":"m"}').subarray(0, -3),
  );
  await eventually('connected', () => client.socket.remotePort !== undefined);
  client.socket.resetAndDestroy();
  const answer = await fetch(`${router.address}/v1/models`);
  expect(answer.status).toBe(200);
  expect(upstream.requests.length).toBe(before);
  expect(router.inFlight()).toBe(0);
});

test('a client that goes while no connection has come about holds nothing', async () => {
  const hole = await startBlackHole();
  router.putModel('far', { routing: { timeouts: { connect: '1h' } } });
  router.putPod('far', 'far-0', hole.port);
  await router.untilReplicas('far', 1);
  const before = openSockets().length;
  const client = openRaw(router.address, post('/v1/chat/completions', '{"model":"far"}'));
  await eventually('the request waits', () => router.inFlight() === 1);
  client.socket.resetAndDestroy();
  await eventually('the slot is free', () => router.inFlight() === 0);
  await eventually('its sockets are gone', () => openSockets().length <= before);
  expect(router.logged.at(-1)).toMatchObject({ error_type: 'client_disconnected', status: 0 });
  await hole.stop();
});

test('a client that goes while a retry is under way holds nothing', async () => {
  const silent = await startUpstream(() => {});
  const resets = await startUpstream(({ socket }) => void socket.resetAndDestroy());
  router.putModel('two', { routing: { policy: 'RoundRobin' } });
  router.putPod('two', 'two-0', resets.port);
  router.putPod('two', 'two-1', silent.port);
  await router.untilReplicas('two', 2);
  await eventually('both were asked', async () => {
    const asked = silent.requests.length;
    const client = openRaw(router.address, post('/v1/chat/completions', '{"model":"two"}'));
    await eventually('the silent one is asked', () => silent.requests.length > asked);
    client.socket.destroy();
    await eventually('the slot is free', () => router.inFlight() === 0);
    return resets.requests.length > 0;
  });
  await eventually('no connection is open', () => silent.connections === 0);
  await Promise.all([silent.stop(), resets.stop()]);
});
