import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../kube/testing/wait.ts';
import { DemandReader, demandPath, type RevisionDemand } from '../../protocol/demand.ts';
import {
  beginStream,
  chunk,
  type ScriptedUpstream,
  sendJson,
  startUpstream,
  type UpstreamRequest,
} from '../testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from '../testing/test-router.ts';

let router: TestRouter;
let stable: ScriptedUpstream;
let canary: ScriptedUpstream;
let reader: DemandReader;
let following: AbortController;

beforeEach(async () => {
  stable = await startUpstream((request) => sendJson(request, answerOf('old')));
  canary = await startUpstream((request) => sendJson(request, answerOf('new')));
  router = await startTestRouter();
  following = new AbortController();
  reader = new DemandReader();
  const { body } = await fetch(router.internalAddress + demandPath, { signal: following.signal });
  void (async () => {
    for await (const bytes of body!) reader.push(bytes);
  })().catch(() => {});
});
afterEach(async () => {
  following.abort();
  await router.stop();
  await stable.stop();
  await canary.stop();
});

const answerOf = (revision: string) => ({ revision, usage: { completion_tokens: 4 } });

/** A model whose new revision, of one replica, gets so many of a hundred requests; 0: there is no canary. */
async function serve(weight: number): Promise<void> {
  const status = { phase: 'Running' as const, revision: 'new', weight };
  router.putModel('m', weight > 0 ? { canary: status } : {});
  router.putPod('m', 'm-old-0', stable.port, { revision: 'old' });
  router.putPod('m', 'm-new-0', canary.port, { revision: 'new' });
  await router.untilReplicas('m', 2);
}

const ask = (rest: object = {}, headers: Record<string, string> = {}) =>
  fetch(`${router.address}/v1/chat/completions`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ model: 'm', messages: [], ...rest }),
  });
const told = (revision: string): RevisionDemand | undefined =>
  reader.revisions.get(`default/m/${revision}`);

test('requests are shared out by weight, and counted by revision', async () => {
  await serve(30);
  const answers: string[] = [];
  for (let times = 0; times < 60; times++) {
    const { revision } = (await (await ask()).json()) as { revision: string };
    answers.push(revision);
  }
  const share = answers.filter((revision) => revision === 'new').length;
  // Sixty throws of which three in ten are expected to hit: neither none nor all.
  expect(share).toBeGreaterThan(2);
  expect(share).toBeLessThan(45);
  await eventually('all are told', () => told('new')?.requests === share);
  await eventually('all others too', () => told('old')?.requests === 60 - share);
  expect(told('new')).toMatchObject({ failures: 0, ttfts: 0, tpots: share });
  expect(told('new')?.tpotMs).toBeGreaterThan(0);
});

test('a conversation stays with its revision', async () => {
  await serve(50);
  for (const session of ['a', 'b', 'c', 'd']) {
    const answers = new Set<string>();
    for (let times = 0; times < 5; times++) {
      const { revision } = (await (await ask({}, { 'x-session-id': session })).json()) as {
        revision: string;
      };
      answers.add(revision);
    }
    expect(answers.size).toBe(1);
  }
});

test('what a canary fails is answered by the stable revision, and counted against the canary', async () => {
  canary.answer = (request) => sendJson(request, { error: { message: 'no' } }, 503);
  await serve(99);
  for (let times = 0; times < 5; times++) {
    const answer = await ask();
    expect([answer.status, ((await answer.json()) as { revision: string }).revision]).toEqual([
      200,
      'old',
    ]);
  }
  await eventually('its failures are told', () => (told('new')?.failures ?? 0) > 0);
  expect(told('new')?.failures).toBe(told('new')?.requests);
  await eventually('the others too', () => told('old')?.requests === 5);
  expect(told('old')?.failures).toBe(0);
});

test('of a stream the first token and the tokens after it are timed', async () => {
  canary.answer = (request: UpstreamRequest) => {
    beginStream(request);
    request.socket.write(chunk('data: {"choices":[{"delta":{"content":"a"}}]}\n\n'));
    setTimeout(() => {
      const usage = 'data: {"choices":[],"usage":{"completion_tokens":3}}\n\n';
      request.socket.write(Buffer.concat([chunk(`${usage}data: [DONE]\n\n`), chunk('')]));
    }, 20);
  };
  await serve(99);
  await eventually('the canary was asked', async () => {
    await (await ask({ stream: true })).text();
    return canary.requests.length > 0;
  });
  await eventually('it is told', () => told('new')?.tpots === canary.requests.length);
  const { ttfts, ttftMs = 0, ttftMs2 = 0, tpots = 0, tpotMs = 0 } = told('new') ?? {};
  expect(ttfts).toBe(tpots);
  expect(ttftMs).toBeGreaterThan(0);
  expect(ttftMs2).toBeGreaterThan(0);
  expect(tpotMs).toBeGreaterThan(0);
});

test('without a canary nothing is counted; when it is over all is forgotten', async () => {
  await serve(0);
  for (let times = 0; times < 4; times++) await (await ask()).text();
  expect(reader.revisions.size).toBe(0);
  await serve(50);
  await eventually('something is told', async () => {
    await (await ask()).text();
    return reader.revisions.size > 0;
  });
  router.putModel('m');
  await eventually('nothing is told any more', () => reader.revisions.size === 0);
});
