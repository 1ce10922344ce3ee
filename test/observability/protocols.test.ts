import { SpanKind, TraceFlags } from '@opentelemetry/api';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { findProgram } from '../../hack/programs/programs.ts';
import { RecordedSpan, type SpanOrigin } from '../../telemetry/recorded-span.ts';
import { createExport } from '../../telemetry/span-export.ts';
import { newSpanId, newTraceId } from '../../telemetry/span-ids.ts';
import { waitUntil } from '../support/wait-until.ts';
import { type CollectorProcess, startCollector } from './collector.ts';

const program = await findProgram('collector');
if (!program)
  console.error('The tests with a real Collector are left out. To include them: make programs');

/** By our own encoder, and by the SDK's two exporters. */
describe.skipIf(!program)('a real Collector', () => {
  let collector: CollectorProcess;
  beforeAll(async () => {
    collector = await startCollector(program ?? '');
  });
  afterAll(() => collector?.stop());
  afterEach(() => vi.unstubAllEnvs());

  test.each(['http/protobuf', 'http/json', 'grpc'])('takes whole spans by %s', async (protocol) => {
    const isGrpc = protocol === 'grpc';
    const endpoint = isGrpc ? collector.grpcUrl : collector.httpUrl;
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', endpoint);
    vi.stubEnv('OTEL_EXPORTER_OTLP_TIMEOUT', '60000');
    const to = await createExport({ OTEL_EXPORTER_OTLP_PROTOCOL: protocol }, 10);
    const span = spanOf(newTraceId());
    const batch = to.begin();
    batch.add(span);
    expect(await new Promise((resolve) => batch.send(resolve))).toBeUndefined();
    await to.shutdown();
    const { traceId, spanId } = span.context;
    const [collected] = await waitUntil('the Collector has the span', async () => {
      const spans = await collector.spans(traceId);
      return spans.length > 0 ? spans : undefined;
    });
    expect(collected).toMatchObject({
      ...{ traceId, spanId, parentSpanId: 'b'.repeat(16), service: 'test' },
      ...{ name: 'chat é', kind: 3, status: { code: 2 }, attributes: expect.any(Array) },
      startTimeUnixNano: '1700000000123000000',
      endTimeUnixNano: '1700000000623000000',
    });
    const values = collected?.attributes.map(({ key, value }) => [key, value]);
    expect(Object.fromEntries(values ?? [])).toEqual({
      text: { stringValue: 'é'.repeat(200) },
      whole: { intValue: '-1' },
      broken: { doubleValue: 0.7 },
      yes: { boolValue: true },
      list: { arrayValue: { values: [{ stringValue: 'stop' }, { stringValue: 'length' }] } },
    });
  });
});

function spanOf(traceId: string): RecordedSpan {
  const origin = {
    resource: { attributes: { 'service.name': 'test' } },
    instrumentationScope: { name: 'fairlead' },
  } as unknown as SpanOrigin;
  const context = { traceId, spanId: newSpanId(), traceFlags: TraceFlags.SAMPLED };
  const parent = { ...context, spanId: 'b'.repeat(16) };
  const attributes = { text: 'é'.repeat(200), whole: -1, absent: undefined };
  const about = { name: 'chat é', kind: SpanKind.CLIENT, startMs: 1_700_000_000_123, attributes };
  const span = new RecordedSpan(origin, about, context, parent);
  span.end({ broken: 0.7, yes: true, list: ['stop', 'length'] }, 1_700_000_000_623, true);
  return span;
}
