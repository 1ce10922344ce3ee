/** How a field is written, and what becomes of it: 64 bits as text and ids as digits, as in OTLP/JSON. */
type Kind =
  | 'string'
  | 'hex'
  | 'bool'
  | 'uint'
  | 'int64'
  | 'double'
  | 'fixed32'
  | 'fixed64'
  | Schema;
/** Fields of a message by their numbers; a name that ends in `[]` is of a repeated one. */
interface Schema {
  readonly [number: number]: readonly [name: string, kind: Kind];
}
type Message = Record<string, unknown>;

const anyValue: Record<number, readonly [string, Kind]> = {
  1: ['stringValue', 'string'],
  2: ['boolValue', 'bool'],
  3: ['intValue', 'int64'],
  4: ['doubleValue', 'double'],
};
const keyValue: Schema = { 1: ['key', 'string'], 2: ['value', anyValue] };
anyValue[5] = ['arrayValue', { 1: ['values[]', anyValue] }];
anyValue[6] = ['kvlistValue', { 1: ['values[]', keyValue] }];
const event: Schema = {
  1: ['timeUnixNano', 'fixed64'],
  2: ['name', 'string'],
  4: ['droppedAttributesCount', 'uint'],
};
const span: Schema = {
  1: ['traceId', 'hex'],
  2: ['spanId', 'hex'],
  3: ['traceState', 'string'],
  4: ['parentSpanId', 'hex'],
  5: ['name', 'string'],
  6: ['kind', 'uint'],
  7: ['startTimeUnixNano', 'fixed64'],
  8: ['endTimeUnixNano', 'fixed64'],
  9: ['attributes[]', keyValue],
  10: ['droppedAttributesCount', 'uint'],
  11: ['events[]', event],
  12: ['droppedEventsCount', 'uint'],
  14: ['droppedLinksCount', 'uint'],
  15: ['status', { 2: ['message', 'string'], 3: ['code', 'uint'] }],
  16: ['flags', 'fixed32'],
};
const scope: Schema = { 1: ['name', 'string'], 2: ['version', 'string'] };
const scopeSpans: Schema = {
  1: ['scope', scope],
  2: ['spans[]', span],
  3: ['schemaUrl', 'string'],
};
const resourceSpans: Schema = {
  1: ['resource', { 1: ['attributes[]', keyValue], 2: ['droppedAttributesCount', 'uint'] }],
  2: ['scopeSpans[]', scopeSpans],
  3: ['schemaUrl', 'string'],
};
const request: Schema = { 1: ['resourceSpans[]', resourceSpans] };

/** What a sender may leave out, because nothing is the same. */
const spanDefaults = {
  ...{ status: { code: 0 }, flags: 0 },
  ...{ droppedAttributesCount: 0, droppedEventsCount: 0, droppedLinksCount: 0 },
};

/**
 * Reads an ExportTraceServiceRequest (opentelemetry-proto v1) into the form of OTLP/JSON.
 * @throws Error for a field that is not in it
 */
export function readTraceRequest(bytes: Buffer): Message {
  return read(bytes, request);
}

function read(bytes: Buffer, schema: Schema): Message {
  const message: Message = schema === span ? { ...spanDefaults } : {};
  const cursor = { at: 0 };
  while (cursor.at < bytes.length) {
    const number = Number(varint(bytes, cursor) >> 3n);
    const [name, kind] = schema[number] ?? [];
    if (name === undefined || kind === undefined) throw new Error(`no field ${number}`);
    const value = readValue(bytes, cursor, kind);
    if (!name.endsWith('[]')) {
      message[name] = value;
      continue;
    }
    const repeated = name.slice(0, -2);
    message[repeated] = [...((message[repeated] as unknown[] | undefined) ?? []), value];
  }
  return message;
}

function readValue(bytes: Buffer, cursor: { at: number }, kind: Kind): unknown {
  const fixed = (size: number) => {
    cursor.at += size;
    return bytes.subarray(cursor.at - size, cursor.at);
  };
  switch (kind) {
    case 'bool':
      return varint(bytes, cursor) !== 0n;
    case 'uint':
      return Number(varint(bytes, cursor));
    case 'int64':
      return String(BigInt.asIntN(64, varint(bytes, cursor)));
    case 'double':
      return fixed(8).readDoubleLE();
    case 'fixed32':
      return fixed(4).readUInt32LE();
    case 'fixed64':
      return String(fixed(8).readBigUInt64LE());
  }
  const content = fixed(Number(varint(bytes, cursor)));
  if (kind === 'string') return content.toString();
  return kind === 'hex' ? content.toString('hex') : read(content, kind);
}

function varint(bytes: Buffer, cursor: { at: number }): bigint {
  let value = 0n;
  for (let shift = 0n; ; shift += 7n) {
    const byte = bytes[cursor.at++] ?? 0;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}
