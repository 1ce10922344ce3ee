import type { Attributes, HrTime, SpanContext } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { ProtobufWriter } from './protobuf-writer.ts';
import { RecordedSpan } from './recorded-span.ts';

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
const scopeAttribute = field(3, 2);
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
const droppedAttributes = field(10, 0);
const status = field(15, 2);
const statusMessage = field(2, 2);
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

/** SpanFlags of trace.proto: whether the parent is of another process is known, and it is. */
const remoteIsKnown = 0x100;
const parentIsRemote = 0x200;

/** Whether {@link encodeSpans} can write it: events, links and structures are none of ours. */
export function isEncodable(one: ReadableSpan): boolean {
  if (one instanceof RecordedSpan) return true;
  const { attributes, events, links } = one;
  return events.length + links.length === 0 && Object.values(attributes).every(isSimple);
}

function isSimple(value: unknown): boolean {
  return Array.isArray(value) ? value.every(isSimple) : typeof value !== 'object';
}

/** Encodes spans that {@link isEncodable} says yes to; those of one scope, side by side, are one group. */
export function encodeSpans(spans: readonly ReadableSpan[]): Uint8Array {
  const writer = new ProtobufWriter(spans.length * 1_024);
  for (let at = 0; at < spans.length; ) at = writeGroup(writer, spans, at);
  return writer.finish();
}

/** @returns where the next group begins */
function writeGroup(writer: ProtobufWriter, spans: readonly ReadableSpan[], first: number): number {
  let at = first;
  const of = spans[first];
  if (!of) return spans.length;
  const outer = writer.open(resourceSpans);
  const about = writer.open(resource);
  writeAttributes(writer, resourceAttribute, of.resource.attributes);
  writer.close(about);
  const inner = writer.open(scopeSpans);
  const { name: title, version, attributes, schemaUrl: url } = of.instrumentationScope as Scope;
  const named = writer.open(scope);
  writer.text(scopeName, title);
  if (version) writer.text(scopeVersion, version);
  if (attributes) writeAttributes(writer, scopeAttribute, attributes);
  writer.close(named);
  for (let one = spans[at]; one && isSibling(one, of); one = spans[++at]) writeSpan(writer, one);
  if (url) writer.text(schemaUrl, url);
  writer.close(inner);
  if (of.resource.schemaUrl) writer.text(schemaUrl, of.resource.schemaUrl);
  writer.close(outer);
  return at;
}

type Scope = ReadableSpan['instrumentationScope'] & { attributes?: Attributes };

function isSibling(one: ReadableSpan, of: ReadableSpan): boolean {
  return one.resource === of.resource && one.instrumentationScope === of.instrumentationScope;
}

function writeSpan(writer: ProtobufWriter, one: ReadableSpan): void {
  const opened = writer.open(span);
  const context = one.spanContext();
  const parent = one.parentSpanContext;
  writer.hex(traceId, context.traceId);
  writer.hex(spanId, context.spanId);
  const state = context.traceState?.serialize();
  if (state) writer.text(traceState, state);
  if (parent?.spanId) writer.hex(parentSpanId, parent.spanId);
  writer.text(name, one.name);
  // The API counts from INTERNAL as 0, the protocol from "unspecified".
  writer.integer(kind, one.kind + 1);
  writeTime(writer, startTime, one.startTime);
  writeTime(writer, endTime, one.endTime);
  if (one instanceof RecordedSpan) {
    const [begun, ended] = one.attributeParts();
    if (begun) writeAttributes(writer, spanAttribute, begun);
    if (ended) writeAttributes(writer, spanAttribute, ended);
  } else writeAttributes(writer, spanAttribute, one.attributes);
  if (one.droppedAttributesCount > 0) writer.integer(droppedAttributes, one.droppedAttributesCount);
  const { code, message } = one.status;
  if (code !== 0 || message) {
    const told = writer.open(status);
    if (message) writer.text(statusMessage, message);
    writer.integer(statusCode, code);
    writer.close(told);
  }
  writer.fixed32(flags, flagsOf(context, parent));
  writer.close(opened);
}

function flagsOf({ traceFlags }: SpanContext, parent: SpanContext | undefined): number {
  return (traceFlags & 0xff) | remoteIsKnown | (parent?.isRemote ? parentIsRemote : 0);
}

/** Nanoseconds since 1970 as 64 bits; no step leaves what a double holds exactly. */
function writeTime(writer: ProtobufWriter, tag: number, [seconds, nanos]: HrTime): void {
  const low = (seconds % 0x10000) * 1e9 + nanos;
  const high = Math.floor(seconds / 0x10000) * 1e9 + Math.floor(low / 0x10000);
  writer.fixed64(tag, (high % 0x10000) * 0x10000 + (low % 0x10000), Math.floor(high / 0x10000));
}

/** Keys as they are written; there are only those of the contract and of the resource. */
const writtenKeys = new Map<string, Uint8Array>();

function writtenKey(key: string): Uint8Array {
  const known = writtenKeys.get(key);
  if (known) return known;
  const writer = new ProtobufWriter(64);
  writer.text(attributeKey, key);
  const bytes = writer.finish();
  writtenKeys.set(key, bytes);
  return bytes;
}

function writeAttributes(writer: ProtobufWriter, tag: number, attributes: Attributes): void {
  for (const key in attributes) {
    const value = attributes[key];
    if (value === undefined) continue;
    if (typeof value === 'string') {
      writer.textBehind(tag, writtenKey(key), attributeValue, stringValue, value);
      continue;
    }
    if (isInt64(value)) {
      writer.integerBehind(tag, writtenKey(key), attributeValue, intValue, value);
      continue;
    }
    const pair = writer.open(tag);
    writer.raw(writtenKey(key));
    const any = writer.open(attributeValue);
    writeValue(writer, value);
    writer.close(any);
    writer.close(pair);
  }
}

function writeValue(writer: ProtobufWriter, value: unknown): void {
  if (typeof value === 'string') writer.text(stringValue, value);
  else if (typeof value === 'boolean') writer.integer(boolValue, value ? 1 : 0);
  else if (typeof value === 'number') writeNumber(writer, value);
  else if (Array.isArray(value)) writeArray(writer, value);
}

function writeNumber(writer: ProtobufWriter, value: number): void {
  if (isInt64(value)) writer.integer(intValue, value);
  else writer.double(doubleValue, value);
}

function isInt64(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= -(2 ** 63) && Number(value) < 2 ** 63;
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
