import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import { type ScriptedUpstream, sendJson, startUpstream } from '../testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from '../testing/test-router.ts';
import { FakePublisher } from './testing/fake-publisher.ts';

/** One replica whose events are a fake's, since no real engine loses them when it is told to. */
let upstream: ScriptedUpstream;
let engine: FakePublisher;
let router: TestRouter;
beforeEach(async () => {
  const usage = { prompt_tokens: 64, completion_tokens: 1 };
  upstream = await startUpstream((request) => sendJson(request, { choices: [], usage }));
  engine = await FakePublisher.start();
  router = await startTestRouter();
  router.putModel('m', { engine: 'vLLM' });
  const { port, replayPort } = engine;
  router.putPod('m', 'm-0', upstream.port, { kvEvents: { port, replayPort } });
  await router.untilReplicas('m', 1);
  await logged('following KV events');
});
afterEach(async () => {
  await router?.stop();
  await engine?.stop();
  await upstream?.stop();
});

const logged = (message: string, times = 1) =>
  eventually(`logged ${times} times: ${message}`, () => {
    const same = router.everyLine.filter(([, written]) => written === message);
    return same.length >= times;
  });

const prompt = 'What the two had said so far. '.repeat(40);

/** The session that the engine is told of. */
async function ask(headers: Record<string, string> = {}): Promise<string | undefined> {
  const answer = await fetch(`${router.address}/v1/completions`, {
    ...{ method: 'POST', headers },
    body: JSON.stringify({ model: 'm', prompt }),
  });
  await answer.text();
  const { head = '' } = upstream.requests.at(-1) ?? {};
  return /^x-session-id: (.*)$/im.exec(head)?.[1];
}

/** Units of prompts that replicas were expected to have, so far. */
async function hits(): Promise<number> {
  const counted = /^fairlead_prefix_hit_blocks_total\{[^}]*\} (\d+)$/m.exec(await router.metrics());
  return Number(counted?.[1] ?? 0);
}

const stored = (session: string | undefined) =>
  engine.publish([
    {
      ...{ type: 'BlockStored', block_hashes: [1, 2, 3, 4], parent_block_hash: null },
      block_size: 16,
      ...{ token_ids: Array.from({ length: 64 }, (_, at) => at), medium: 'GPU' },
      session_id: session,
    },
  ]);

/** What is expected of the next prompt, once what was published has come. */
const nextHits = async () => {
  const before = await hits();
  await ask();
  return (await hits()) - before;
};

test('what the engine drops is not expected there any more', async () => {
  const session = await ask();
  expect(session).toMatch(/-1$/);
  stored(session);
  engine.publish([{ type: 'BlockRemoved', block_hashes: [4, 3, 2], medium: 'GPU' }]);
  // Of the four units two end in the first block.
  await eventually('the index follows', async () => (await nextHits()) === 2);
});

test('a cache that is cleared is expected to be empty', async () => {
  await ask();
  expect(await nextHits()).toBe(4);
  engine.publish([{ type: 'AllBlocksCleared' }]);
  await eventually('the index follows', async () => (await nextHits()) === 0);
});

test('every request has a session of its own, in place of the client’s', async () => {
  const sessions = [await ask({ 'x-session-id': 'mine' }), await ask({ 'X-Session-Id': 'mine' })];
  expect(new Set(sessions).size).toBe(2);
  expect(sessions).not.toContain('mine');
});

test('while there are no events, requests go as if there never were any, with what is known', async () => {
  await ask();
  await engine.stop();
  await logged('KV events are not to be had');
  expect(await nextHits()).toBe(4);
  expect(await ask({ 'x-session-id': 'mine' })).toBe('mine');
});
