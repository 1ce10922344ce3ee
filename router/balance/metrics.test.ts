import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import {
  type ScriptedUpstream,
  sendJson,
  startUpstream,
  type UpstreamRequest,
} from '../testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from '../testing/test-router.ts';

let upstreams: ScriptedUpstream[];
let router: TestRouter;
beforeAll(async () => {
  upstreams = await Promise.all([startUpstream(), startUpstream()]);
  router = await startTestRouter();
  router.putModel('m');
  for (const [at, { port }] of upstreams.entries()) router.putPod('m', `m-${at}`, port);
  await router.untilReplicas('m', 2);
});
afterAll(() => Promise.all([router?.stop(), ...(upstreams ?? []).map((one) => one.stop())]));

/** Asks with a conversation that begins with `text`; the place of the replica that answered. */
async function ask(text: string, more: object = {}): Promise<number> {
  const messages = [{ role: 'user', content: text }];
  const answer = await fetch(`${router.address}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model: 'm', messages, ...more }),
  });
  return ((await answer.json()) as { from: number }).from;
}

function answerAll(): void {
  for (const [at, upstream] of upstreams.entries()) {
    upstream.answer = (request) => sendJson(request, { from: at });
  }
}

const value = async (line: RegExp) => Number(line.exec(await router.metrics())?.[1] ?? 0);
const decisions = (reason: string) =>
  value(
    new RegExp(
      `^fairlead_routing_decisions_total\\{gen_ai_request_model="m",policy="PrefixAware",reason="${reason}"\\} (\\d+)$`,
      'm',
    ),
  );

test('a conversation comes back to its replica, and the metrics say why', async () => {
  answerAll();
  const long = 'What the two had said so far. '.repeat(100);
  const first = await ask(long);
  expect(await decisions('cold')).toBe(1);
  for (let turn = 1; turn <= 5; turn++) {
    expect(await ask(long + 'and then '.repeat(turn))).toBe(first);
  }
  expect(await decisions('prefix')).toBe(5);
  const lookups = await value(/^fairlead_prefix_lookup_blocks_total\{[^}]*\} (\d+)$/m);
  const hits = await value(/^fairlead_prefix_hit_blocks_total\{[^}]*\} (\d+)$/m);
  expect(hits).toBeGreaterThan(0.7 * lookups);
  expect(hits).toBeLessThan(lookups);
  expect(await value(/^fairlead_routing_duration_seconds_count (\d+)$/m)).toBe(6);
});

test('what is open at a replica is shown while it is open, and its series goes with the pod', async () => {
  const waiting: UpstreamRequest[] = [];
  for (const upstream of upstreams) upstream.answer = (request) => void waiting.push(request);
  const asked = ask('x'.repeat(4_000));
  await eventually('a replica has the request', () => waiting.length === 1);
  const open = /^fairlead_backend_requests_in_flight\{.*backend="(m-\d)"\} 1$/m;
  const pod = open.exec(await router.metrics())?.[1];
  const pending = new RegExp(
    `^fairlead_backend_pending_tokens\\{.*backend="${pod}"\\} (\\d+)$`,
    'm',
  );
  expect(await value(pending)).toBeGreaterThan(900);
  for (const request of waiting) sendJson(request, { from: 0 });
  await asked;
  await eventually('nothing is pending', async () => (await value(pending)) === 0);
  router.removePod(String(pod));
  await router.untilReplicas('m', 1);
  expect(await router.metrics()).not.toContain(`backend="${pod}"`);
});
