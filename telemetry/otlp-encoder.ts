import { type SpanContext, SpanStatusCode } from '@opentelemetry/api';
import { writeAttributes } from './otlp-attributes.ts';
import { field, ProtobufWriter } from './protobuf-writer.ts';
import type { RecordedSpan, SpanOrigin } from './recorded-span.ts';

/**
 * Spans as OTLP's ExportTraceServiceRequest in protobuf (opentelemetry-proto v1: trace.proto,
 * common.proto, resource.proto). The SDK's own serializer walks all spans twice and takes about 50 µs
 * for the three of a request, more than all of tracing may cost (bench/telemetry).
 */

// Numbers of fields, as their tags with the wire type of what we write there.
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
    writeAttributes(writer, resourceAttribute, origin.resource.attributes);
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
  if (one.begunWith) writeAttributes(writer, spanAttribute, one.begunWith);
  if (one.endedWith) writeAttributes(writer, spanAttribute, one.endedWith);
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
