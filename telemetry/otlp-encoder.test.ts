import { type SpanContext, SpanKind, TraceFlags } from '@opentelemetry/api';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeSpans, isEncodable } from './otlp-encoder.ts';
import { childContext, RecordedSpan } from './recorded-span.ts';
import { readTraceRequest } from './testing/otlp-reader.ts';

const theirs = (spans: ReadableSpan[]) =>
  readTraceRequest(Buffer.from(ProtobufTraceSerializer.serializeRequest(spans) ?? []));
const ours = (spans: ReadableSpan[]) => readTraceRequest(Buffer.from(encodeSpans(spans)));

const id = (digits: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: digits, maxLength: digits });
/** Short and long, of ASCII and of all else, halves of pairs among them. */
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.constantFrom(
    'x'.repeat(127),
    'x'.repeat(128),
    'é'.repeat(90),
    `${'x'.repeat(20_000)}é`,
    '\ud800',
  ),
);
const value = fc.oneof(
  text,
  fc.boolean(),
  fc.integer(),
  fc.double(),
  fc.constantFrom(0, -0, -1, 2 ** 32, -(2 ** 63), 2 ** 63, Number.MAX_SAFE_INTEGER),
  fc.array(fc.oneof(text, fc.integer(), fc.boolean()), { maxLength: 4 }),
);
const attributes = fc.dictionary(fc.string({ minLength: 1, maxLength: 140 }), value);
const time = fc.tuple(fc.nat(0xffffffff), fc.nat(999_999_999));
const context = fc.record({
  traceId: id(32),
  spanId: id(16),
  traceFlags: fc.constantFrom(TraceFlags.NONE, TraceFlags.SAMPLED),
  isRemote: fc.boolean(),
  traceState: fc.constantFrom(undefined, { serialize: () => 'a=b,c=d' }),
}) as fc.Arbitrary<SpanContext>;
const scope = (name: string, version?: string, schemaUrl?: string) => ({
  name,
  version,
  schemaUrl,
});
const origins = [
  { name: 'fairlead-router', of: scope('fairlead', '1.2.3', 'https://example.com/1') },
  { name: 'other', of: scope('bare') },
].map(({ name, of }) => ({
  resource: {
    attributes: { 'service.name': name, replicas: 2 },
  } as unknown as ReadableSpan['resource'],
  instrumentationScope: of as ReadableSpan['instrumentationScope'],
}));
const recorded = fc
  .record({
    origin: fc.constantFrom(...origins),
    name: text,
    kind: fc.constantFrom(SpanKind.INTERNAL, SpanKind.SERVER, SpanKind.CLIENT),
    startTime: time,
    endTime: time,
    context,
    parent: fc.option(context, { nil: undefined }),
    begun: fc.option(attributes, { nil: undefined }),
    ended: attributes,
    failed: fc.boolean(),
  })
  .map((one) => {
    const span = new RecordedSpan(one.origin, one, one.context, one.parent, one.begun);
    // No attribute is told twice.
    const ended = Object.entries(one.ended).filter(([key]) => !(one.begun && key in one.begun));
    span.end({ ...Object.fromEntries(ended), absent: undefined }, one.endTime, one.failed);
    return span;
  });

/** Groups that are side by side and of one origin are the same as one group. */
function flat(request: Record<string, unknown>): unknown[] {
  const { resourceSpans = [] } = request as { resourceSpans?: Record<string, never>[] };
  return resourceSpans
    .flatMap(({ scopeSpans = [], resource }) =>
      (scopeSpans as Record<string, never>[]).flatMap(({ spans = [], ...of }) =>
        (spans as object[]).map((span) => ({ droppedResource: 0, resource, ...of, span })),
      ),
    )
    .map((one) => JSON.stringify(one, (key, held) => (key === 'attributes' ? byKey(held) : held)))
    .sort();
}

/** They are a set; an object has its keys that are numbers before the others. */
const byKey = (pairs: { key: string }[]) =>
  pairs.toSorted((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key)));

/** The SDK says of resources that nothing was dropped; nothing said is the same. */
const plain = (request: Record<string, unknown>) =>
  flat(request).map((one) => String(one).replaceAll(',"droppedAttributesCount":0}', '}'));

test('whatever spans are made of, they are read as those of the SDK’s serializer', () => {
  fc.assert(
    fc.property(fc.array(recorded, { maxLength: 6 }), (spans) => {
      expect(spans.every(isEncodable)).toBe(true);
      expect(plain(ours(spans))).toEqual(plain(theirs(spans)));
    }),
  );
});

test('a span of the SDK’s with a message of its failure is read the same', () => {
  fc.assert(
    fc.property(recorded, text, fc.nat(9), (span, message, droppedAttributesCount) => {
      const { attributes: held, resource, instrumentationScope, ...rest } = span;
      const one = {
        ...{ ...rest, ...{ attributes: held, resource, instrumentationScope } },
        ...{ spanContext: () => span.spanContext(), duration: span.duration },
        ...{ status: { code: 2, message }, droppedAttributesCount },
      } as ReadableSpan;
      expect(isEncodable(one)).toBe(true);
      expect(plain(ours([one]))).toEqual(plain(theirs([one])));
    }),
  );
});

test('events, links and structures are left to the SDK', () => {
  const span = { attributes: {}, events: [], links: [] } as unknown as ReadableSpan;
  expect(isEncodable(span)).toBe(true);
  expect(isEncodable({ ...span, events: [{ name: 'e', time: [0, 0] }] })).toBe(false);
  expect(isEncodable({ ...span, attributes: { a: { b: 1 } } })).toBe(false);
  expect(isEncodable({ ...span, attributes: { a: [{ b: 1 }] } })).toBe(false);
  expect(isEncodable({ ...span, attributes: { a: ['x', 1, [true]] } })).toBe(true);
});

test('a child is of its parent’s trace, and no two have one id', () => {
  const parent = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 };
  const ids = new Set(Array.from({ length: 2_000 }, () => childContext(parent).spanId));
  expect(ids.size).toBe(2_000);
  expect(childContext(parent)).toEqual({
    ...parent,
    spanId: expect.stringMatching(/^[0-9a-f]{16}$/),
  });
});
