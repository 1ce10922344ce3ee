import { expect, test } from 'vitest';
import { expose } from './exposition.ts';
import { createRegistry, createRouterMetrics } from './metrics.ts';
import { RequestRecord } from './request-record.ts';
import { RequestTelemetry } from './request-telemetry.ts';
import { untraced } from './tracing.ts';

function scene() {
  const registry = createRegistry('test', '0');
  const lines: Record<string, unknown>[] = [];
  const telemetry = new RequestTelemetry({
    metrics: createRouterMetrics(registry),
    tracing: untraced,
    accessLog: { info: (fields) => lines.push({ ...fields }) },
    nowMs: () => 0,
  });
  const record = new RequestRecord(telemetry, {
    requestId: 'req_1',
    method: 'POST',
    path: '/v1/chat/completions',
    route: '/v1/chat/completions',
    startMs: 0,
    receivedMs: 0,
    headers: {},
    httpVersion: '1.1',
    bytesIn: 2,
  });
  record.call({ operation: 'chat', model: 'm', stream: false });
  return { lines, record, metrics: async () => (await expose(registry)).body };
}

const at = (model: string) => ({
  ...{ model, pod: 'm-0', namespace: 'ns', revision: 'r', address: '10.0.0.1', port: 80 },
  ...{ policy: 'LeastLoad', reason: 'least_load', candidates: 1 },
});
const usage = Buffer.from('{"usage":{"prompt_tokens":7,"completion_tokens":5}}');

test('tokens and the log line are the tenant’s', async () => {
  const { lines, record, metrics } = scene();
  record.from('team-a');
  record.attemptStarted(at('m'));
  record.data(usage);
  record.attemptEnded({ outcome: 'ok', statusCode: 200 });
  record.end({ status: 200, bytesOut: 2 });
  expect(lines).toMatchObject([{ tenant: 'team-a' }]);
  expect(await metrics()).toContain(
    'fairlead_tokens_total{gen_ai_request_model="m",tenant="team-a",type="input"} 7\n',
  );
});

test('without keys there is no tenant, not even an empty one', async () => {
  const { lines, record, metrics } = scene();
  record.attemptStarted(at('m'));
  record.data(usage);
  record.end({ status: 200, bytesOut: 2 });
  expect(lines[0]?.tenant).toBeUndefined();
  expect(await metrics()).toContain(
    'fairlead_tokens_total{gen_ai_request_model="m",type="input"} 7\n',
  );
});

test('each fallback is counted once, the log names the one that was asked last', async () => {
  const { lines, record, metrics } = scene();
  for (const model of ['m', 'm', 'b', 'b', 'c']) {
    record.attemptStarted(at(model));
    record.attemptEnded({ outcome: 'failed', errorType: 'connection_error' });
  }
  record.end({ status: 502, bytesOut: 2 });
  expect(lines).toMatchObject([{ model: 'm', fallback_model: 'c' }]);
  const text = await metrics();
  for (const fallback of ['b', 'c']) {
    expect(text).toContain(
      `fairlead_fallbacks_total{gen_ai_request_model="m",fallback_model="${fallback}"} 1\n`,
    );
  }
});

test('an answer of the model asked for names no other', () => {
  const { lines, record } = scene();
  record.attemptStarted(at('m'));
  record.end({ status: 200, bytesOut: 2 });
  expect(lines[0]).not.toHaveProperty('fallback_model', expect.anything());
});

test('who waits for the end is told once, with what the answer says of itself', () => {
  const { record } = scene();
  const told: unknown[] = [];
  record.whenOver((facts, end) => told.push([facts?.inputTokens, end.bytesOut]));
  record.attemptStarted(at('m'));
  record.data(usage);
  record.end({ status: 200, bytesOut: 51 });
  record.end({ status: 0, bytesOut: 0 });
  expect(told).toEqual([[7, 51]]);
});
