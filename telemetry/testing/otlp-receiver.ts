import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readTraceRequest } from './otlp-reader.ts';

/** A span or log record of an OTLP export, its attributes as a plain object. */
export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  /** 1: INTERNAL, 2: SERVER, 3: CLIENT. */
  kind: number;
  status: { code?: number };
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: Record<string, unknown>;
  /** Of its scope and its resource. */
  schemaUrl: string;
  resource: Record<string, unknown>;
}

export interface ReceivedLog {
  traceId: string;
  spanId: string;
  eventName: string;
  attributes: Record<string, unknown>;
}

/**
 * A collector of one process: takes OTLP over HTTP, on a free port of the loopback: spans as
 * protobuf or JSON, logs as JSON.
 */
export interface OtlpReceiver {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly endpoint: string;
  readonly spans: ReceivedSpan[];
  readonly logs: ReceivedLog[];
  /** Every export as it came. */
  readonly bodies: string[];
  /** The spans of one trace, parents before children, those of one parent as they began. */
  traceOf(traceId: string): ReceivedSpan[];
  stop(): Promise<void>;
}

type Any = Record<string, unknown>;
interface Attribute {
  key: string;
  value: Any;
}

/** Starts a collector. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const logs: ReceivedLog[] = [];
  const bodies: string[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    const body = Buffer.concat(parts);
    bodies.push(body.toString());
    const type = request.headers['content-type'] ?? '';
    const isJson = type.includes('json');
    const { resourceSpans = [], resourceLogs = [] } = isJson
      ? JSON.parse(body.toString())
      : readTraceRequest(body);
    for (const { resource, scopeSpans } of resourceSpans) {
      const of = { resource: plain(resource.attributes) };
      for (const { schemaUrl, spans: some } of scopeSpans) {
        for (const span of some) {
          spans.push({ ...span, ...of, schemaUrl, attributes: plain(span.attributes) });
        }
      }
    }
    for (const { scopeLogs } of resourceLogs) {
      for (const { logRecords } of scopeLogs) {
        for (const log of logRecords) logs.push({ ...log, attributes: plain(log.attributes) });
      }
    }
    response.setHeader('content-type', type).end(isJson ? '{}' : '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    logs,
    bodies,
    traceOf: (traceId) => inOrder(spans.filter((span) => span.traceId === traceId)),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function inOrder(spans: readonly ReceivedSpan[]): ReceivedSpan[] {
  const known = new Set(spans.map(({ spanId }) => spanId));
  const began = (span: ReceivedSpan) => BigInt(span.startTimeUnixNano);
  const below = (parents: readonly ReceivedSpan[]): ReceivedSpan[] =>
    parents
      .toSorted((a, b) => Number(began(a) - began(b)))
      .flatMap((parent) => [
        parent,
        ...below(spans.filter(({ parentSpanId }) => parentSpanId === parent.spanId)),
      ]);
  return below(spans.filter(({ parentSpanId = '' }) => !known.has(parentSpanId)));
}

function plain(attributes: readonly Attribute[] = []): Any {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, readValue(value)]));
}

function readValue(any: Any): unknown {
  const [kind, content] = Object.entries(any)[0] ?? [];
  if (kind === 'arrayValue') return (content as { values?: Any[] }).values?.map(readValue) ?? [];
  if (kind === 'kvlistValue') return plain((content as { values: Attribute[] }).values);
  return kind === 'intValue' ? Number(content) : content;
}
