import { expect, test } from 'vitest';
import { expose } from './exposition.ts';
import { createRegistry, createRouterMetrics } from './metrics.ts';
import { RequestRecord } from './request-record.ts';
import { RequestTelemetry } from './request-telemetry.ts';
import { untraced } from './tracing.ts';
import { startModel } from './zero-series.ts';

function scene() {
  const registry = createRegistry('test', '0');
  const clock = { nowMs: 1_000 };
  const lines: Record<string, unknown>[] = [];
  const routerMetrics = createRouterMetrics(registry);
  const telemetry = new RequestTelemetry({
    metrics: routerMetrics,
    tracing: untraced,
    accessLog: { info: (fields) => lines.push({ ...fields }) },
    nowMs: () => clock.nowMs,
  });
  const record = new RequestRecord(telemetry, {
    requestId: 'req_1',
    method: 'POST',
    path: '/v1/chat/completions',
    route: '/v1/chat/completions',
    startMs: 1_000,
    receivedMs: 1_010,
    headers: {},
    httpVersion: '1.1',
    bytesIn: 87,
  });
  const target = {
    pod: 'm-0',
    namespace: 'ns',
    revision: 'r',
    address: '10.0.0.1',
    port: 8000,
    policy: 'LeastLoad',
    reason: 'least_load',
    candidates: 1,
  };
  const metrics = async () => (await expose(registry)).body;
  return { clock, lines, record, target, telemetry, metrics, routerMetrics };
}

const labels =
  'gen_ai_operation_name="chat",gen_ai_provider_name="openai",gen_ai_request_model="m"';

test('a stream’s times are measured from its arrival, overhead without upload and engine', async () => {
  const { clock, lines, record, target, metrics } = scene();
  record.call({ operation: 'chat', model: 'm', stream: true });
  clock.nowMs = 1_012;
  record.attemptStarted(target);
  clock.nowMs = 1_100;
  record.data(Buffer.from('data: {"choices":[{"finish_reason":"stop"}]}\n\n'));
  clock.nowMs = 1_500;
  record.data(Buffer.from('data: {"usage":{"prompt_tokens":7,"completion_tokens":5}}\n\n'));
  record.attemptEnded({ outcome: 'ok', statusCode: 200 });
  clock.nowMs = 1_501;
  record.end({ status: 200, bytesOut: 99 });
  const text = await metrics();
  expect(text).toContain(`gen_ai_server_request_duration_seconds_sum{${labels}} 0.501\n`);
  expect(text).toContain(`gen_ai_server_time_to_first_token_seconds_sum{${labels}} 0.1\n`);
  expect(text).toContain(`gen_ai_server_time_per_output_token_seconds_sum{${labels}} 0.10025\n`);
  expect(text).toContain(`gen_ai_client_token_usage_sum{${labels},gen_ai_token_type="input"} 7\n`);
  expect(text).toContain('fairlead_tokens_total{gen_ai_request_model="m",type="output"} 5\n');
  expect(text).toContain('fairlead_router_overhead_seconds_sum 0.003\n');
  expect(text).toContain('fairlead_requests_in_flight{gen_ai_request_model="m"} 0\n');
  expect(lines).toEqual([
    expect.objectContaining({
      request_id: 'req_1',
      route: '/v1/chat/completions',
      status: 200,
      outcome: 'ok',
      stream: true,
      model: 'm',
      backend_pod: 'm-0',
      attempts: 1,
      ttft_ms: 100,
      duration_ms: 501,
      overhead_ms: 3,
      input_tokens: 7,
      output_tokens: 5,
      finish_reasons: ['stop'],
      bytes_in: 87,
      bytes_out: 99,
    }),
  ]);
});

test('a plain answer has no time to its first token', async () => {
  const { record, target, metrics } = scene();
  record.call({ operation: 'chat', model: 'm', stream: false });
  record.attemptStarted(target);
  record.data(Buffer.from('{"usage":{"prompt_tokens":7,"completion_tokens":5}}'));
  record.attemptEnded({ outcome: 'ok', statusCode: 200 });
  record.end({ status: 200, bytesOut: 1 });
  const text = await metrics();
  expect(text).toContain(`gen_ai_server_request_duration_seconds_count{${labels}} 1\n`);
  expect(text).not.toMatch(/time_to_first_token_seconds_count|per_output_token_seconds_count/);
});

test('only the first end counts, and an error’s type stands on histogram and counter', async () => {
  const { record, lines, metrics } = scene();
  record.call({ operation: 'chat', model: 'm', stream: false });
  record.end({ status: 503, errorType: 'no_backend', bytesOut: 1 });
  record.end({ status: 200, bytesOut: 1 });
  const text = await metrics();
  expect(text).toContain(
    `gen_ai_server_request_duration_seconds_count{${labels},error_type="no_backend"} 1\n`,
  );
  expect(text).toContain('code="503",outcome="rejected"} 1\n');
  expect(lines).toHaveLength(1);
});

test('a thousand invented model names make one series', async () => {
  const { telemetry, metrics } = scene();
  for (let index = 0; index < 1_000; index++) {
    const record = new RequestRecord(telemetry, {
      requestId: `req_${index}`,
      method: 'POST',
      path: '/v1/completions',
      route: '/v1/completions',
      startMs: 0,
      receivedMs: 0,
      headers: {},
      httpVersion: '1.1',
      bytesIn: 0,
    });
    record.call({ operation: 'text_completion', model: undefined, stream: false });
    record.end({ status: 404, errorType: 'invalid_request', bytesOut: 0 });
  }
  expect((await metrics()).match(/^fairlead_requests_total\{/gm)).toHaveLength(1);
});

test('what alerts ask for is there before the first failure, so that a rate sees that one', async () => {
  const { record, metrics, routerMetrics } = scene();
  startModel(routerMetrics, 'idle', ['chat']);
  const shown = async (name: string, model: string) =>
    (await metrics()).match(new RegExp(`^${name}\\{[^}]*gen_ai_request_model="${model}".*$`, 'gm'));
  const failed = /outcome="(server_error|timeout|rejected)"\} 0$/;
  const failures = async (model: string) =>
    ((await shown('fairlead_requests_total', model)) ?? []).filter((line) => failed.test(line));
  expect(await failures('idle')).toHaveLength(3);
  expect(await shown('fairlead_retries_total', 'idle')).toContain(
    'fairlead_retries_total{gen_ai_request_model="idle",reason="connection_error"} 0',
  );
  record.call({ operation: 'chat', model: 'm', stream: false });
  expect(await failures('m')).toHaveLength(9);
  expect(await shown('fairlead_queue_wait_seconds_count', 'm')).toBeNull();
  record.held();
  expect(await shown('fairlead_queue_wait_seconds_count', 'm')).toHaveLength(4);
  record.released('timeout');
  expect(await shown('fairlead_queue_wait_seconds_count', 'm')).toContain(
    'fairlead_queue_wait_seconds_count{gen_ai_request_model="m",outcome="timeout"} 1',
  );
});
