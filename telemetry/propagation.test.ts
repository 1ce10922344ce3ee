import { propagation, type SpanContext } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';
import fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import { type Propagation, propagationOf, w3c } from './propagation.ts';

afterEach(() => {
  propagation.disable();
  vi.unstubAllEnvs();
});

/** As the SDK does it. */
function bySdk(names: string): Propagation {
  vi.stubEnv('OTEL_PROPAGATORS', names);
  new NodeSDK({ spanProcessors: [], logRecordProcessors: [], metricReaders: [] }).start();
  return propagationOf({ OTEL_PROPAGATORS: names });
}

const digits = (count: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: count, maxLength: count });
const field = (count: number) =>
  fc.oneof({ weight: 9, arbitrary: digits(count) }, fc.constantFrom('0'.repeat(count), 'F', ''));
const traceparent = fc
  .tuple(
    fc.oneof(fc.constantFrom('00', '01', 'ff'), digits(2)),
    ...[field(32), field(16), digits(2)],
    fc.constantFrom('', '', '', '-', '-more', 'x'),
  )
  .map(([version, trace, span, flags, more]) => `${version}-${trace}-${span}-${flags}${more}`);
const headers = fc.record(
  {
    traceparent: fc.oneof({ weight: 9, arbitrary: traceparent }, fc.constantFrom('', 'x', '00-')),
    tracestate: fc.constantFrom('', 'a=b', 'a=b, c=d', 'a', '=', 'A=b,c=d', `a=${'x'.repeat(600)}`),
  },
  { requiredKeys: [] },
);

const plain = (span: SpanContext | undefined) =>
  span && { ...span, traceState: span.traceState?.serialize() ?? '' };

test('traceparent and tracestate are read and written as the SDK does it', () => {
  const theirs = bySdk('baggage,tracecontext');
  expect(theirs).not.toBe(w3c);
  fc.assert(
    fc.property(headers, digits(16), fc.constantFrom(0, 1), (received, spanId, traceFlags) => {
      const parent = w3c.parentOf(received);
      expect(plain(parent)).toEqual(plain(theirs.parentOf(received)));
      if (!parent || /^0+$/.test(spanId)) return;
      const span = { ...parent, spanId, traceFlags };
      const { tracestate = '', ...written } = theirs.headersFor(span, received);
      expect({ tracestate: '', ...w3c.headersFor(span, received) }).toEqual({
        tracestate,
        ...written,
      });
    }),
    { numRuns: 2_000 },
  );
});

test('other propagators come by their variable', () => {
  const b3 = bySdk('b3');
  const [traceId, spanId] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'];
  const received = { b3: `${traceId}-${spanId}-1` };
  expect(b3.parentOf(received)).toMatchObject({ traceId, spanId, traceFlags: 1 });
  const span = { traceId, spanId: 'a'.repeat(16), traceFlags: 1 };
  expect(b3.headersFor(span, received)).toEqual({ b3: `${traceId}-${'a'.repeat(16)}-1` });
});

test.each([undefined, '', 'tracecontext,baggage'])('OTEL_PROPAGATORS=%s is W3C’s', (names) => {
  expect(propagationOf({ OTEL_PROPAGATORS: names })).toBe(w3c);
});
