import { afterAll, beforeAll, expect, test } from 'vitest';
import { samplesOf } from '../telemetry/testing/samples.ts';
import {
  beginStream,
  chunk,
  type ScriptedUpstream,
  sendJson,
  startUpstream,
  type UpstreamRequest,
} from './testing/scripted-upstream.ts';
import { startTestRouter, type TestRouter } from './testing/test-router.ts';

let router: TestRouter;
let upstream: ScriptedUpstream;
beforeAll(async () => {
  upstream = await startUpstream();
  router = await startTestRouter();
  for (const model of ['streams', 'plain']) {
    router.putModel(model);
    router.putPod(model, `${model}-0`, upstream.port);
    await router.untilReplicas(model, 1);
  }
});
afterAll(() => Promise.all([router?.stop(), upstream?.stop()]));

/** The delays of the engine that a request asks for, and the tokens it is told to have used. */
interface Asked {
  firstMs: number;
  restMs: number;
  input: number;
  output: number;
}

function answer(request: UpstreamRequest): void {
  const { stream, ...asked } = JSON.parse(request.body.toString());
  const { firstMs, restMs, input, output } = asked.metadata as Asked;
  const usage = { prompt_tokens: input, completion_tokens: output };
  setTimeout(() => {
    if (!stream) {
      sendJson(request, { id: 'x', usage });
      return;
    }
    beginStream(request);
    request.socket.write(chunk('data: {"choices":[{"delta":{"content":"a"}}]}\n\n'));
    setTimeout(() => {
      const last = `data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`;
      request.socket.write(Buffer.concat([chunk(last), chunk('')]));
    }, restMs);
  }, firstMs);
}

/** Asks, reads all of it, and tells how long that took the client, to the first byte and in all. */
async function ask(model: string, metadata: Asked): Promise<{ firstMs: number; allMs: number }> {
  const startMs = performance.now();
  const stream = model === 'streams';
  const reply = await fetch(`${router.address}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model, stream, stream_options: { include_usage: true }, metadata }),
  });
  let firstMs: number | undefined;
  for await (const _ of reply.body ?? []) firstMs ??= performance.now() - startMs;
  return { firstMs: firstMs ?? Number.NaN, allMs: performance.now() - startMs };
}

const sum = (values: readonly number[]) => values.reduce((all, one) => all + one, 0);

test.each([
  ['streams', 40],
  ['plain', 60],
])('%s: what clients measured bounds what the metrics say', async (model, count) => {
  upstream.answer = answer;
  const asked: Asked[] = Array.from({ length: count }, (_, index) => ({
    firstMs: 5 * (index % 7),
    restMs: model === 'streams' ? 4 * (index % 5) : 0,
    input: 10 + index,
    output: 2 + (index % 9),
  }));
  const seen = await Promise.all(asked.map((one) => ask(model, one)));
  const samples = samplesOf(await router.metrics());
  const of = `gen_ai_operation_name=chat gen_ai_provider_name=openai gen_ai_request_model=${model}`;
  const [duration, ttft] = ['request_duration_seconds', 'time_to_first_token_seconds'].map(
    (name) => `gen_ai_server_${name}`,
  );
  expect(samples.get(`${duration}_count ${of}`)).toBe(count);
  const secondsAll = samples.get(`${duration}_sum ${of}`) ?? 0;
  expect(secondsAll * 1000).toBeLessThanOrEqual(sum(seen.map(({ allMs }) => allMs)));
  // setTimeout may fire up to a millisecond early.
  const atLeastMs = sum(asked.map(({ firstMs, restMs }) => firstMs + restMs)) - 2 * count;
  expect(secondsAll * 1000).toBeGreaterThanOrEqual(atLeastMs);
  if (model === 'streams') {
    expect(samples.get(`${ttft}_count ${of}`)).toBe(count);
    const secondsFirst = samples.get(`${ttft}_sum ${of}`) ?? 0;
    expect(secondsFirst * 1000).toBeLessThanOrEqual(sum(seen.map(({ firstMs }) => firstMs)));
  } else {
    expect(samples.has(`${ttft}_count ${of}`)).toBe(false);
  }
  for (const type of ['input', 'output'] as const) {
    const tokens = sum(asked.map((one) => one[type]));
    const [label, usage] = [`gen_ai_token_type=${type}`, 'gen_ai_client_token_usage'];
    expect(samples.get(`fairlead_tokens_total gen_ai_request_model=${model} type=${type}`)).toBe(
      tokens,
    );
    const [operation, provider, asks] = of.split(' ');
    expect(samples.get(`${usage}_sum ${operation} ${provider} ${asks} ${label}`)).toBe(tokens);
  }
});
