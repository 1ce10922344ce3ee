import OpenAI from 'openai';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { createKubectl } from '../support/kubectl.ts';
import { type ModelDeploymentObject, type PodObject, skiff } from '../support/models.ts';
import { waitUntil } from '../support/wait-until.ts';
import { systemNamespace, useContext } from './context.ts';
import { type PortForward, portForward } from './port-forward.ts';

const context = useContext('e2e-observe');
const access = inject('clusterAccess');
const system = createKubectl(access, systemNamespace);
let router = '';
let clients: PortForward;
let internal: PortForward;

beforeAll(async () => {
  await context.kubectl.apply(skiff('observed'));
  await context.kubectl.waitFor('mdep/observed', 'condition=Ready');
  const component = 'app.kubernetes.io/component=router';
  const { items } = await system.getJson<{ items: PodObject[] }>('pods', '-l', component);
  router = items[0]?.metadata.name ?? '';
  clients = await portForward(access, systemNamespace, `pod/${router}`, 8080);
  internal = await portForward(access, systemNamespace, `pod/${router}`, 9090);
});

afterAll(async () => {
  await Promise.all([clients?.stop(), internal?.stop()]);
});

/** The value of one series on the router's /metrics; undefined when it is not there. */
async function series(name: string, labels: Record<string, string>): Promise<number | undefined> {
  const text = await (await fetch(`${internal.origin}/metrics`)).text();
  const line = text
    .split('\n')
    .filter((candidate) => candidate.startsWith(`${name}{`))
    .find((candidate) =>
      Object.entries(labels).every(([key, value]) => candidate.includes(`${key}="${value}"`)),
    );
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}

test('one streamed answer is counted once, with the tokens the engine reports', async () => {
  const openai = new OpenAI({ baseURL: `${clients.origin}/v1`, apiKey: 'none', maxRetries: 0 });
  const model = { gen_ai_request_model: 'observed' };
  expect(await series('fairlead_requests_total', { ...model, outcome: 'ok' })).toBe(0);
  const stream = await openai.chat.completions.create({
    model: 'observed',
    messages: [{ role: 'user', content: 'a-canary-in-the-prompt' }],
    temperature: 0,
    stream: true,
    stream_options: { include_usage: true },
  });
  let outputTokens: number | undefined;
  for await (const chunk of stream) outputTokens = chunk.usage?.completion_tokens ?? outputTokens;
  expect(outputTokens).toBeGreaterThan(0);

  await waitUntil('the request is counted', async () =>
    (await series('fairlead_requests_total', { ...model, outcome: 'ok' })) === 1 ? true : undefined,
  );
  expect(await series('gen_ai_server_request_duration_seconds_count', model)).toBe(1);
  expect(await series('gen_ai_server_time_to_first_token_seconds_count', model)).toBe(1);
  const output = { ...model, gen_ai_token_type: 'output' };
  expect(await series('gen_ai_client_token_usage_sum', output)).toBe(outputTokens);
});

test('it leaves one log line with model and pod, and nothing of what was said', async () => {
  const log = await waitUntil('the log line', async () => {
    const lines = (await system.run(['logs', router])).split('\n');
    return lines.some((line) => line.includes('"model":"observed"')) ? lines : undefined;
  });
  const line = log.filter((candidate) => candidate.includes('"model":"observed"'));
  expect(line).toHaveLength(1);
  expect(JSON.parse(line[0]!)).toMatchObject({
    route: '/v1/chat/completions',
    status: 200,
    outcome: 'ok',
    stream: true,
    backend_pod: expect.stringMatching(/^observed-/),
    attempts: 1,
  });
  expect(log.join('\n')).not.toContain('a-canary');
});

test('its cold start is told by stages: in the status, in the operator’s metrics and its log', async () => {
  const lastColdStart = await waitUntil('the status has it', async () => {
    const object = await context.kubectl.getJson<ModelDeploymentObject>('mdep', 'observed');
    return object.status?.lastColdStart;
  });
  const seconds = expect.any(Number);
  expect(lastColdStart).toEqual({
    pod: expect.stringMatching(/^observed-/),
    readyAt: expect.any(String),
    ...{ scheduleSeconds: seconds, imagePullSeconds: 0, fetchWeightsSeconds: 0 },
    ...{ loadSeconds: seconds, firstReadySeconds: seconds, totalSeconds: seconds },
  });
  const log = await system.run(['logs', 'deployment/fairlead-operator']);
  const lines = log.split('\n').filter((line) => line.includes('"cold start"'));
  const [line] = lines.filter((candidate) => candidate.includes('"model":"observed"'));
  expect(JSON.parse(line ?? '{}')).toMatchObject({
    pod: lastColdStart.pod,
    total_s: lastColdStart.totalSeconds,
  });
  const operator = await portForward(access, systemNamespace, 'deployment/fairlead-operator', 9090);
  const metrics = await (await fetch(`${operator.origin}/metrics`)).text();
  await operator.stop();
  const series =
    'fairlead_cold_start_seconds_count{gen_ai_request_model="observed",stage="load"} 1';
  expect(metrics).toContain(series);
});
