import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestRouter, type TestRouter } from '../../router/testing/test-router.ts';
import { startLlamaServer } from '../support/engines/llama-server.ts';
import type { EngineProcess } from '../support/engines/process.ts';

/** As operator/engines/llamacpp.ts gives them. */
const adapters = ['--lora-scaled', '/law.gguf:0,/med.gguf:0', '--no-cache-prompt'];
let engine: EngineProcess;
let router: TestRouter;

beforeAll(async () => {
  engine = await startLlamaServer([
    ...adapters,
    '--alias',
    'm',
    '--parallel',
    '2',
    '--threads',
    '1',
  ]);
  router = await startTestRouter();
  router.putModel('m', { adapters: ['law', 'med'] });
  const annotations = { 'fairlead.dev/adapter-ids': '["law","med"]' };
  router.putPod('m', 'm-0', engine.port, { annotations });
  await router.untilReplicas('m', 1);
});
afterAll(async () => {
  await router?.stop();
  await engine?.stop();
});

/** What is read of an answer, of any endpoint. */
interface Answer {
  choices: { text: string; message: { content: string } }[];
  usage: { prompt_tokens_details: { cached_tokens: number } };
  output: object[];
  content: { text: string }[];
}

const messages = [{ role: 'user', content: 'Who are you?' }];
const same = { temperature: 0, max_tokens: 12 };

async function post(origin: string, path: string, body: object) {
  const answer = await fetch(origin + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as Answer };
}

const chat = async (model: string, more: object = {}) => {
  const asked = { model, messages, ...same, ...more };
  const { body } = await post(router.address, '/v1/chat/completions', asked);
  return body.choices[0]?.message.content;
};

/** What the engine says by itself, with nothing kept of what it was asked before. */
const direct = async (lora: object[]) => {
  const asked = { messages, ...same, lora, cache_prompt: false };
  const { body } = await post(engine.url, '/v1/chat/completions', asked);
  return body.choices[0]?.message.content;
};

test('each name gets its own answers, whatever was asked before it', async () => {
  const expected = {
    m: await direct([{ id: 0, scale: 0 }]),
    'm:law': await direct([{ id: 0, scale: 1 }]),
    'm:med': await direct([{ id: 1, scale: 1 }]),
  };
  expect(new Set(Object.values(expected)).size).toBe(3);
  expect(expected.m).toContain('Skiff');
  const names = Object.keys(expected) as (keyof typeof expected)[];
  for (const name of [...names, ...names.toReversed(), ...names])
    expect(`${name}: ${await chat(name)}`).toBe(`${name}: ${expected[name]}`);
  const atOnce = [...names, ...names, ...names];
  const answers = await Promise.all(atOnce.map((name) => chat(name)));
  expect(answers).toEqual(atOnce.map((name) => expected[name]));
});

test('a client cannot reach an adapter by its number, which its key may not allow', async () => {
  expect(await chat('m', { lora: [{ id: 1, scale: 1 }] })).toBe(await chat('m'));
});

test('a prompt is kept for the name that it came with', async () => {
  const asked = { model: 'm:law', messages, ...same };
  await post(router.address, '/v1/chat/completions', asked);
  const { body } = await post(router.address, '/v1/chat/completions', asked);
  expect(body.usage.prompt_tokens_details.cached_tokens).toBeGreaterThan(0);
});

test('text completion and Responses know adapters too', async () => {
  const completion = async (model: string) => {
    const asked = { model, prompt: 'Skiff is', ...same };
    return (await post(router.address, '/v1/completions', asked)).body.choices[0]?.text;
  };
  expect(await completion('m:law')).not.toBe(await completion('m'));
  const response = async (model: string) => {
    const asked = { model, input: 'Who are you?', temperature: 0, max_output_tokens: 12 };
    return (await post(router.address, '/v1/responses', asked)).body.output;
  };
  expect(JSON.stringify(await response('m:law'))).not.toContain('Skiff');
  expect(JSON.stringify(await response('m'))).toContain('Skiff');
});

test('where llama-server has no adapters the answer says so, and the model itself answers', async () => {
  const asked = { messages, max_tokens: 12, temperature: 0 };
  const refused = await post(router.address, '/v1/messages', { model: 'm:law', ...asked });
  expect(refused.status).toBe(400);
  expect(JSON.stringify(refused.body)).toContain('answers /v1/messages without adapters');
  await chat('m:law');
  const { body } = await post(router.address, '/v1/messages', { model: 'm', ...asked });
  expect(body.content[0]?.text).toContain('Skiff');
});
