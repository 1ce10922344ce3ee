import {
  ConsoleSpanExporter,
  type ReadableSpan,
  type SpanExporter,
} from '@opentelemetry/sdk-trace';
import { TraceRequest } from './otlp-encoder.ts';
import { RecordedSpan } from './recorded-span.ts';
import type { SpanBatch, SpanExport } from './span-queue.ts';

/** A batch that is larger is sent, so that prompts and completions do not make what no collector takes. */
const mostBytes = 2 * 1024 * 1024;
/** ExportResultCode.SUCCESS of @opentelemetry/core. */
const success = 0;

type Result = Parameters<Parameters<SpanExporter['export']>[1]>[0];

function errorOf({ code, error }: Result): Error | undefined {
  return code === success ? undefined : (error ?? new Error(`code ${code}`));
}

/**
 * Where the standard variables lead: to a collector by http/protobuf, which is the default, or by the SDK's
 * exporters for the others.
 * @param batchSize spans that go together at most
 */
export async function createExport(env: NodeJS.ProcessEnv, batchSize: number): Promise<SpanExport> {
  if (env.OTEL_TRACES_EXPORTER === 'console') {
    return exportBy(new ConsoleSpanExporter(), batchSize);
  }
  const protocol = env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL || env.OTEL_EXPORTER_OTLP_PROTOCOL;
  switch (protocol) {
    case 'grpc': {
      const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-grpc');
      return exportBy(new OTLPTraceExporter(), batchSize);
    }
    case 'http/json': {
      const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http');
      return exportBy(new OTLPTraceExporter(), batchSize);
    }
    default:
      return createProtobufExport(batchSize);
  }
}

/** By an exporter of the SDK's, which takes spans. */
export function exportBy(exporter: SpanExporter, batchSize: number): SpanExport {
  const begin = (): SpanBatch => {
    const spans: ReadableSpan[] = [];
    return {
      get count() {
        return spans.length;
      },
      get isFull() {
        return spans.length >= batchSize;
      },
      add: (span) => void spans.push(span),
      send: (done) => exporter.export(spans, (result) => done(errorOf(result))),
    };
  };
  return { begin, shutdown: () => exporter.shutdown() };
}

/** By the SDK's transport over http/protobuf; spans of ours are encoded as they end. */
async function createProtobufExport(batchSize: number): Promise<SpanExport> {
  const [http, { ProtobufTraceSerializer: serializer }] = await Promise.all([
    import('@opentelemetry/otlp-exporter-base/node-http'),
    import('@opentelemetry/otlp-transformer'),
  ]);
  const headers = { 'Content-Type': 'application/x-protobuf' };
  const delegate = http.createOtlpHttpExportDelegate<EncodedBatch, object>(
    http.convertLegacyHttpOptions({}, 'TRACES', 'v1/traces', headers),
    {
      serializeRequest: (batch) => batch.encoded((others) => serializer.serializeRequest(others)),
      deserializeResponse: (data) => serializer.deserializeResponse(data),
    },
    'otlp_http_span_exporter',
    { name: 'span', countItems: ({ count }) => count },
    undefined,
  );
  // To grow memory for each batch anew costs more than to fill it, and presses the garbage collector.
  const spare: TraceRequest[] = [];
  const mostSpare = 2;
  const begin = () => {
    const request = spare.pop() ?? new TraceRequest();
    return new EncodedBatch(request, batchSize, (batch, done) =>
      delegate.export(batch, (result) => {
        const error = errorOf(result);
        // What failed may still be on its way.
        if (!error && spare.length < mostSpare) spare.push(request);
        done(error);
      }),
    );
  };
  return { begin, shutdown: () => delegate.shutdown() };
}

type Done = Parameters<SpanBatch['send']>[0];

class EncodedBatch implements SpanBatch {
  readonly #request: TraceRequest;
  readonly #batchSize: number;
  readonly #send: (batch: EncodedBatch, done: Done) => void;
  /** Spans that are not ours. */
  readonly #others: ReadableSpan[] = [];
  count = 0;

  constructor(
    request: TraceRequest,
    batchSize: number,
    send: (batch: EncodedBatch, done: Done) => void,
  ) {
    this.#request = request;
    this.#batchSize = batchSize;
    this.#send = send;
  }

  get isFull(): boolean {
    return this.count >= this.#batchSize || this.#request.length >= mostBytes;
  }

  add(span: ReadableSpan): void {
    this.count++;
    const isIn = span instanceof RecordedSpan && this.#request.add(span);
    if (!isIn) this.#others.push(span);
  }

  send(done: Done): void {
    this.#send(this, done);
  }

  /** Messages one behind the other are one message. */
  encoded(serialize: (others: ReadableSpan[]) => Uint8Array | undefined): Uint8Array {
    const ours = this.#request.take();
    if (this.#others.length === 0) return ours;
    return Buffer.concat([ours, serialize(this.#others) ?? Buffer.alloc(0)]);
  }
}
