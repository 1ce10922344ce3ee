import { expect, test } from 'vitest';
import { routerMetrics } from './contract/router-metrics.ts';
import { expose } from './exposition.ts';
import { createRegistry, createRouterMetrics } from './metrics.ts';
import { RequestRecord } from './request-record.ts';
import { RequestTelemetry } from './request-telemetry.ts';
import { bucketsOf, samplesOf } from './testing/samples.ts';
import { untraced } from './tracing.ts';

/** One request, as it truly is: milliseconds and tokens. */
interface Truth {
  stream: boolean;
  queueMs: number;
  firstByteMs: number;
  answerMs: number;
  input: number;
  output: number;
  cached: number;
}

const target = {
  ...{ model: 'm', pod: 'm-0', namespace: 'ns', revision: 'r', address: '10.0.0.1', port: 80 },
  ...{ policy: 'LeastLoad', reason: 'least_load', candidates: 1 },
};

/** Tells all of these, with a clock that does what they say; 2 ms of each are the router's own. */
async function tell(requests: readonly Truth[]) {
  const registry = createRegistry('test', '0');
  const clock = { ms: 0 };
  const telemetry = new RequestTelemetry({
    metrics: createRouterMetrics(registry),
    tracing: untraced,
    nowMs: () => clock.ms,
  });
  for (const [index, one] of requests.entries()) {
    const record = new RequestRecord(telemetry, {
      ...{ requestId: `req_${index}`, method: 'POST', headers: {}, httpVersion: '1.1', bytesIn: 9 },
      ...{ path: '/v1/chat/completions', route: '/v1/chat/completions' },
      ...{ startMs: clock.ms, receivedMs: clock.ms },
    });
    record.call({ operation: 'chat', model: 'm', stream: one.stream });
    clock.ms += 2;
    if (one.queueMs > 0) {
      record.held();
      clock.ms += one.queueMs;
      record.released('dispatched');
    }
    record.attemptStarted(target);
    clock.ms += one.firstByteMs;
    const usage = {
      prompt_tokens: one.input,
      completion_tokens: one.output,
      prompt_tokens_details: { cached_tokens: one.cached },
    };
    record.data(Buffer.from(JSON.stringify({ id: 'x', usage })));
    clock.ms += one.answerMs;
    record.attemptEnded({ outcome: 'ok', statusCode: 200 });
    record.end({ status: 200, bytesOut: 1 });
  }
  return samplesOf((await expose(registry)).body);
}

/** Where Prometheus puts these: the first bound that is not below. */
function placed(seconds: readonly number[], bounds: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const value of seconds) {
    const bound = bounds.find((one) => value <= one) ?? Number.POSITIVE_INFINITY;
    counts.set(bound, (counts.get(bound) ?? 0) + 1);
  }
  return new Map([...counts].sort(([a], [b]) => a - b));
}

const sum = (values: readonly number[]) => values.reduce((all, one) => all + one, 0);

const chats: Truth[] = Array.from({ length: 200 }, (_, index) => ({
  stream: true,
  queueMs: index % 4 === 0 ? 500 * (index + 1) : 0,
  firstByteMs: 10 + index * 7,
  answerMs: index * 40,
  input: 1 + index * 13,
  output: 2 + index,
  cached: index,
}));
const lookups: Truth[] = Array.from({ length: 300 }, (_, index) => ({
  stream: false,
  queueMs: 0,
  firstByteMs: 2 ** (index % 14),
  answerMs: 0,
  input: 4 ** (index % 8),
  output: 1,
  cached: 0,
}));

test.each([
  ['200 chats as streams, a quarter of which wait', chats],
  ['300 short questions with plain answers', lookups],
])('%s: counts, sums and buckets are exactly what happened', async (_name, truth) => {
  const samples = await tell(truth);
  const call = ['gen_ai_operation_name=chat', 'gen_ai_provider_name=openai'];
  const model = 'gen_ai_request_model=m';
  const { requestDuration, timeToFirstToken, timePerOutputToken, tokenUsage, queueWait } =
    routerMetrics;
  const expectHistogram = (
    { name, buckets }: { name: string; buckets: readonly number[] },
    labels: readonly string[],
    values: readonly number[],
  ) => {
    const of = labels.toSorted().join(' ');
    expect(samples.get(`${name}_count ${of}`) ?? 0).toBe(values.length);
    expect(samples.get(`${name}_sum ${of}`) ?? 0).toBeCloseTo(sum(values), 6);
    expect(bucketsOf(samples, name, labels)).toEqual(placed(values, buckets));
  };
  const streams = truth.filter(({ stream }) => stream);
  const beforeFirstMs = (one: Truth) => 2 + one.queueMs + one.firstByteMs;
  expectHistogram(
    requestDuration,
    [...call, model],
    truth.map((one) => (beforeFirstMs(one) + one.answerMs) / 1000),
  );
  expectHistogram(
    timeToFirstToken,
    [...call, model],
    streams.map((one) => beforeFirstMs(one) / 1000),
  );
  expectHistogram(
    timePerOutputToken,
    [...call, model],
    streams.map(({ answerMs, output }) => answerMs / 1000 / (output - 1)),
  );
  expectHistogram(
    queueWait,
    [model, 'outcome=dispatched'],
    truth.filter(({ queueMs }) => queueMs > 0).map(({ queueMs }) => queueMs / 1000),
  );
  for (const type of ['input', 'output'] as const) {
    const tokens = truth.map((one) => one[type]);
    expectHistogram(tokenUsage, [...call, model, `gen_ai_token_type=${type}`], tokens);
    expect(samples.get(`fairlead_tokens_total ${model} type=${type}`)).toBe(sum(tokens));
  }
  expect(samples.get(`fairlead_tokens_total ${model} type=cached_input`) ?? 0).toBe(
    sum(truth.map(({ cached }) => cached)),
  );
  const requests = `code=200 gen_ai_operation_name=chat ${model} outcome=ok`;
  expect(samples.get(`fairlead_requests_total ${requests}`)).toBe(truth.length);
  expect(samples.get('fairlead_router_overhead_seconds_sum')).toBeCloseTo(truth.length * 0.002, 6);
  expect(samples.get(`fairlead_requests_in_flight ${model}`)).toBe(0);
  expect(samples.get(`fairlead_queue_depth ${model}`) ?? 0).toBe(0);
});
