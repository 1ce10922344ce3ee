import { type SpanContext, SpanKind, TraceFlags } from '@opentelemetry/api';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TraceRequest } from './otlp-encoder.ts';
import { RecordedSpan, type SpanOrigin } from './recorded-span.ts';
import { newSpanId, newTraceId } from './span-ids.ts';
import { readTraceRequest } from './testing/otlp-reader.ts';

const theirs = (spans: ReadableSpan[]) =>
  readTraceRequest(Buffer.from(ProtobufTraceSerializer.serializeRequest(spans) ?? []));
const request = new TraceRequest();
const ours = (spans: RecordedSpan[]) => {
  for (const span of spans) expect(request.add(span)).toBe(true);
  return readTraceRequest(Buffer.from(request.take()));
};

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
/** Milliseconds since 1970. */
const time = fc.double({ min: 0, max: 2 ** 42, noNaN: true });
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
    name: text,
    kind: fc.constantFrom(SpanKind.INTERNAL, SpanKind.SERVER, SpanKind.CLIENT),
    startMs: time,
    endMs: time,
    context,
    parent: fc.option(context, { nil: undefined }),
    attributes: fc.option(attributes, { nil: undefined }),
    ended: attributes,
    failed: fc.boolean(),
  })
  .map((one) => (origin: SpanOrigin) => {
    const span = new RecordedSpan(origin, one, one.context, one.parent);
    // No attribute is told twice.
    const ended = Object.entries(one.ended).filter(
      ([key]) => !(one.attributes && key in one.attributes),
    );
    span.end({ ...Object.fromEntries(ended), absent: undefined }, one.endMs, one.failed);
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
    fc.property(
      fc.constantFrom(...origins),
      fc.array(recorded, { maxLength: 6 }),
      (origin, made) => {
        const spans = made.map((of) => of(origin));
        expect(plain(ours(spans))).toEqual(plain(theirs(spans)));
      },
    ),
  );
});

test('values are of their own keys and types, however often they come', () => {
  const [origin] = origins as [SpanOrigin];
  const context = { traceId: newTraceId(), spanId: newSpanId(), traceFlags: TraceFlags.SAMPLED };
  const about = { name: 'x', kind: SpanKind.CLIENT, startMs: 0 };
  const values = [
    1,
    '1',
    1.5,
    '1.5',
    true,
    'true',
    [1],
    ['1'],
    'x'.repeat(300),
    'y'.repeat(130),
    'é',
    '',
    -1,
    1e20,
  ];
  const spans = Array.from({ length: 1_000 }, (_, at) => {
    const span = new RecordedSpan(origin, about, context, undefined);
    const value = values[at % values.length];
    span.end({ a: value, b: value, many: at, others: `${at}` }, 0, false);
    return span;
  });
  expect(plain(ours(spans))).toEqual(plain(theirs(spans)));
});

test('a request takes spans of one origin', () => {
  const [one, other] = origins.map((origin) => {
    const context = { traceId: newTraceId(), spanId: newSpanId(), traceFlags: TraceFlags.SAMPLED };
    const about = { name: 'x', kind: SpanKind.CLIENT, startMs: 0 };
    return new RecordedSpan(origin, about, context, undefined);
  }) as [RecordedSpan, RecordedSpan];
  expect([one, other, one].map((span) => request.add(span))).toEqual([true, false, true]);
  request.take();
  expect([other, one].map((span) => request.add(span))).toEqual([true, false]);
  request.take();
  expect(request.take()).toHaveLength(0);
});

test('no two ids are the same', () => {
  const ids = Array.from({ length: 2_000 }, () => [newSpanId(), newTraceId()]).flat();
  expect(new Set(ids).size).toBe(4_000);
  for (const id of ids) expect(id).toMatch(/^([0-9a-f]{16}){1,2}$/);
});
