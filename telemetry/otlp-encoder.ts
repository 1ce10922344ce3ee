import { type Attributes, type SpanContext, SpanStatusCode } from '@opentelemetry/api';
import { ProtobufWriter } from './protobuf-writer.ts';
import type { RecordedSpan, SpanOrigin } from './recorded-span.ts';

/**
 * Spans as OTLP's ExportTraceServiceRequest in protobuf (opentelemetry-proto v1: trace.proto,
 * common.proto, resource.proto). The SDK's own serializer walks all spans twice and takes about 50 µs
 * for the three of a request, more than all of tracing may cost (bench/telemetry).
 */

/** Numbers of fields, as their tags with the wire type of what we write there. */
const field = (number: number, wireType: 0 | 1 | 2 | 5) => (number << 3) | wireType;
const resourceSpans = field(1, 2);
const resource = field(1, 2);
const resourceAttribute = field(1, 2);
const scopeSpans = field(2, 2);
const scope = field(1, 2);
const scopeName = field(1, 2);
const scopeVersion = field(2, 2);
const span = field(2, 2);
const schemaUrl = field(3, 2);
const traceId = field(1, 2);
const spanId = field(2, 2);
const traceState = field(3, 2);
const parentSpanId = field(4, 2);
const name = field(5, 2);
const kind = field(6, 0);
const startTime = field(7, 1);
const endTime = field(8, 1);
const spanAttribute = field(9, 2);
const status = field(15, 2);
const statusCode = field(3, 0);
const flags = field(16, 5);
const attributeKey = field(1, 2);
const attributeValue = field(2, 2);
const stringValue = field(1, 2);
const boolValue = field(2, 0);
const intValue = field(3, 0);
const doubleValue = field(4, 1);
const arrayValue = field(5, 2);
const arrayItem = field(1, 2);

/** As many bytes as the length of a batch, and that of a span, mostly has. */
const lengthBytes = 3;
const spanLengthBytes = 2;

/** SpanFlags of trace.proto: whether the parent is of another process is known, and it is. */
const remoteIsKnown = 0x100;
const parentIsRemote = 0x200;

/** An ExportTraceServiceRequest in the making: a span is written as soon as it is added. */
export class TraceRequest {
  readonly #writer = new ProtobufWriter(64 * 1024);
  #origin: SpanOrigin | undefined;
  /** Where the messages that are open begin. */
  #resourceSpans = 0;
  #scopeSpans = 0;

  /** Its size so far. */
  get length(): number {
    return this.#writer.length;
  }

  /** @returns whether it is in: a request takes spans of one origin, whose resource is settled */
  add(one: RecordedSpan): boolean {
    if (!this.#origin) this.#begin(one.origin);
    if (one.origin !== this.#origin) return false;
    writeSpan(this.#writer, one);
    return true;
  }

  /** All of it, in memory that is used again for what is added next. */
  take(): Uint8Array {
    if (this.#origin) {
      this.#writer.close(this.#scopeSpans, lengthBytes);
      this.#writer.close(this.#resourceSpans, lengthBytes);
    }
    this.#origin = undefined;
    return this.#writer.take();
  }

  #begin(origin: SpanOrigin): void {
    this.#origin = origin;
    const writer = this.#writer;
    this.#resourceSpans = writer.open(resourceSpans, lengthBytes);
    const about = writer.open(resource);
    for (const [key, value] of Object.entries(origin.resource.attributes)) {
      if (value !== undefined) writeAttribute(writer, resourceAttribute, key, value);
    }
    writer.close(about);
    if (origin.resource.schemaUrl) writer.text(schemaUrl, origin.resource.schemaUrl);
    this.#scopeSpans = writer.open(scopeSpans, lengthBytes);
    const { name: title, version, schemaUrl: url } = origin.instrumentationScope;
    const named = writer.open(scope);
    writer.text(scopeName, title);
    if (version) writer.text(scopeVersion, version);
    writer.close(named);
    if (url) writer.text(schemaUrl, url);
  }
}

function writeSpan(writer: ProtobufWriter, one: RecordedSpan): void {
  const opened = writer.open(span, spanLengthBytes);
  const { context, parentSpanContext: parent } = one;
  writer.hex(traceId, context.traceId);
  writer.hex(spanId, context.spanId);
  const state = context.traceState?.serialize();
  if (state) writer.text(traceState, state);
  if (parent) writer.hex(parentSpanId, parent.spanId);
  writer.text(name, one.name);
  // The API counts from INTERNAL as 0, the protocol from "unspecified".
  writer.integer(kind, one.kind + 1);
  writeTime(writer, startTime, one.startMs);
  writeTime(writer, endTime, one.endMs);
  if (one.begunWith) writeSpanAttributes(writer, one.begunWith);
  if (one.endedWith) writeSpanAttributes(writer, one.endedWith);
  if (one.failed) {
    const told = writer.open(status);
    writer.integer(statusCode, SpanStatusCode.ERROR);
    writer.close(told);
  }
  writer.fixed32(flags, flagsOf(context, parent));
  writer.close(opened, spanLengthBytes);
}

function flagsOf({ traceFlags }: SpanContext, parent: SpanContext | undefined): number {
  return (traceFlags & 0xff) | remoteIsKnown | (parent?.isRemote ? parentIsRemote : 0);
}

/** Nanoseconds since 1970 as 64 bits; no step leaves what a double holds exactly. */
function writeTime(writer: ProtobufWriter, tag: number, ms: number): void {
  const seconds = Math.floor(ms / 1000);
  const nanos = Math.floor((ms - seconds * 1000) * 1e6);
  const low = (seconds % 0x10000) * 1e9 + nanos;
  const high = Math.floor(seconds / 0x10000) * 1e9 + Math.floor(low / 0x10000);
  writer.fixed64(tag, (high % 0x10000) * 0x10000 + (low % 0x10000), Math.floor(high / 0x10000));
}

/**
 * Attributes as they are written, by key and value: of most keys the values are few, and to copy one takes a
 * third of writing it.
 */
const written = new Map<string, Map<unknown, Uint8Array>>();
const mostValues = 256;
const mostValueBytes = 256;

function writeSpanAttributes(writer: ProtobufWriter, attributes: object): void {
  for (const key in attributes) {
    const value = (attributes as Attributes)[key];
    if (value === undefined) continue;
    let values = written.get(key);
    if (!values) {
      values = new Map();
      written.set(key, values);
    }
    const known = values.get(value);
    if (known) {
      writer.raw(known);
      continue;
    }
    const start = writer.length;
    writeAttribute(writer, spanAttribute, key, value);
    const isOfFew = typeof value !== 'object' && values.size < mostValues;
    if (isOfFew && writer.length - start < mostValueBytes) {
      values.set(value, writer.copyFrom(start));
    }
  }
}

function writeAttribute(writer: ProtobufWriter, tag: number, key: string, value: unknown): void {
  const pair = writer.open(tag);
  writer.text(attributeKey, key);
  const any = writer.open(attributeValue);
  writeValue(writer, value);
  writer.close(any);
  writer.close(pair);
}

function writeValue(writer: ProtobufWriter, value: unknown): void {
  if (typeof value === 'string') writer.text(stringValue, value);
  else if (typeof value === 'boolean') writer.integer(boolValue, value ? 1 : 0);
  else if (typeof value === 'number') writeNumber(writer, value);
  else if (Array.isArray(value)) writeArray(writer, value);
}

function writeNumber(writer: ProtobufWriter, value: number): void {
  const isInt64 = Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63;
  if (isInt64) writer.integer(intValue, value);
  else writer.double(doubleValue, value);
}

function writeArray(writer: ProtobufWriter, values: readonly unknown[]): void {
  const array = writer.open(arrayValue);
  for (const value of values) {
    const item = writer.open(arrayItem);
    writeValue(writer, value);
    writer.close(item);
  }
  writer.close(array);
}
