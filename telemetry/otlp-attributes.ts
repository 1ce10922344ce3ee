import type { Attributes } from '@opentelemetry/api';
import { field, ProtobufWriter } from './protobuf-writer.ts';

// opentelemetry-proto v1, common.proto: KeyValue, AnyValue, ArrayValue.
const attributeKey = field(1, 2);
const attributeValue = field(2, 2);
const stringValue = field(1, 2);
const boolValue = field(2, 0);
const intValue = field(3, 0);
const doubleValue = field(4, 1);
const arrayValue = field(5, 2);
const arrayItem = field(1, 2);

/** Of a key with more values none is kept, nor one that is longer. */
const mostValues = 256;
const mostValueBytes = 256;

/**
 * A key, and attributes of it as they were written: of most keys the values are few, and to copy takes a third
 * of what writing does.
 */
class KnownKey {
  readonly key: string;
  readonly written: Uint8Array;
  values: Map<unknown, Uint8Array> | undefined = new Map();
  /** The key that came behind it last time: mostly the one that comes now. */
  next: KnownKey | undefined;

  constructor(key: string) {
    this.key = key;
    const writer = new ProtobufWriter(64);
    writer.text(attributeKey, key);
    this.written = writer.take();
  }

  keep(value: unknown, content: Uint8Array): void {
    if (content.length > mostValueBytes) return;
    this.values?.set(value, content);
    if (this.values?.size === mostValues) this.values = undefined;
  }
}

/** There are only the keys of the contract and of the resource. */
const knownKeys = new Map<string, KnownKey>();

function knownKey(key: string): KnownKey {
  let known = knownKeys.get(key);
  if (!known) {
    known = new KnownKey(key);
    knownKeys.set(key, known);
  }
  return known;
}

/**
 * Writes attributes as fields of the message that is open.
 * @param tag of the field
 * @param attributes undefined ones are left out; values are text, numbers, booleans and lists of these
 */
export function writeAttributes(writer: ProtobufWriter, tag: number, attributes: object): void {
  let before: KnownKey | undefined;
  for (const key in attributes) {
    let known = before?.next;
    if (known?.key !== key) {
      known = knownKey(key);
      if (before) before.next = known;
    }
    before = known;
    const value = (attributes as Attributes)[key];
    if (value === undefined) continue;
    const content = known.values?.get(value);
    if (content) writer.bytes(tag, content);
    else writeAttribute(writer, tag, known, value);
  }
}

function writeAttribute(
  writer: ProtobufWriter,
  tag: number,
  known: KnownKey,
  value: unknown,
): void {
  const pair = writer.open(tag);
  writer.raw(known.written);
  const any = writer.open(attributeValue);
  writeValue(writer, value);
  writer.close(any);
  if (known.values && typeof value !== 'object') known.keep(value, writer.copyFrom(pair));
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
