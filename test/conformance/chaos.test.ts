import { afterEach, expect, test } from 'vitest';
import { startTestRouter, type TestRouter } from '../../router/testing/test-router.ts';
import type { EngineProcess } from '../support/engines/process.ts';
import { startAimock } from './upstreams.ts';

const model = 'mock';
let router: TestRouter;
let engines: EngineProcess[] = [];

afterEach(async () => {
  await router?.stop();
  await Promise.all(engines.map((engine) => engine.stop()));
});

/** One replica that misbehaves as aimock is told to, and two that do not. */
async function start(...chaos: string[]): Promise<EngineProcess> {
  engines = await Promise.all([startAimock(chaos), startAimock([]), startAimock([])]);
  router = await startTestRouter();
  router.putModel(model, { features: ['Chat'], routing: { policy: 'RoundRobin' } });
  engines.forEach(({ port }, index) => {
    router.putPod(model, `${model}-${index}`, port);
  });
  await router.untilReplicas(model, 3);
  return engines[0] as EngineProcess;
}

async function ask(stream: boolean): Promise<{ status: number; text: string; headers: Headers }> {
  const answer = await fetch(`${router.address}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, stream, messages: [{ role: 'user', content: 'Count to 20' }] }),
  });
  return { status: answer.status, text: await answer.text(), headers: answer.headers };
}

/** How many requests an aimock has answered or dropped, by its own journal. */
async function journalLength({ url }: EngineProcess): Promise<number> {
  const answer = await fetch(`${url}/__aimock/journal`);
  return Number(answer.headers.get('x-total-count'));
}

test('aimock that drops connections is hidden from clients, plain and streamed', async () => {
  const broken = await start('--chaos-disconnect', '1');
  for (let index = 0; index < 12; index++) {
    const { status, text } = await ask(index % 2 === 1);
    expect(status).toBe(200);
    expect(text).toContain(' 18 19 20, and that');
    if (index % 2 === 1) expect(text).toMatch(/data: \[DONE\]\n\n$/);
  }
  // Asked at first, then ejected: not by every request.
  expect(await journalLength(broken)).toBeGreaterThan(0);
  expect(router.inFlight()).toBe(0);
}, 120_000);

test('a 429 of aimock goes to the client with its Retry-After: no other replica is asked', async () => {
  await start('--chaos-ratelimit', '1');
  const answers = [];
  for (let index = 0; index < 6; index++) answers.push(await ask(false));
  const limited = answers.filter(({ status }) => status === 429);
  expect(limited.length).toBeGreaterThan(0);
  for (const { headers } of limited) expect(headers.get('retry-after')).toBeTruthy();
  const before = await Promise.all(engines.map(journalLength));
  expect(before.reduce((sum, count) => sum + count, 0)).toBe(answers.length);
}, 120_000);
