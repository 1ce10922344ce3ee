import {
  BatchSpanProcessor,
  ConsoleSpanExporter,
  type ReadableSpan,
  type SpanExporter,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace';
import { encodeSpans, isEncodable } from './otlp-encoder.ts';

/** Told when spans begin to get lost at the collector, and when they no longer do. */
export interface ExportLog {
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
}

/** Exporters take 30 exports at a time and refuse more; a full queue has more batches than that. */
const mostExports = 16;
/** ExportResultCode.SUCCESS of @opentelemetry/core. */
const success = 0;

/**
 * The SDK's batch processor, which tells nobody what it loses, with book kept of the spans that wait,
 * so that those lost are counted: the queue was full, or the collector did not take them.
 */
export class CountingSpanProcessor implements SpanProcessor {
  readonly #batch: BatchSpanProcessor;
  readonly #queueSize: number;
  #waiting = 0;
  #lost = 0;

  /** @param options as the standard OTEL_BSP_* variables have them */
  constructor(
    exporter: SpanExporter,
    options: { queueSize: number; batchSize: number; delayMs: number },
    log: ExportLog,
  ) {
    this.#queueSize = options.queueSize;
    const counting = new CountingExporter(exporter, log, {
      taken: (count) => {
        this.#waiting -= count;
      },
      lost: (count) => {
        this.#lost += count;
      },
    });
    this.#batch = new BatchSpanProcessor({
      exporter: counting,
      maxQueueSize: options.queueSize,
      maxExportBatchSize: options.batchSize,
      scheduledDelayMillis: options.delayMs,
    });
  }

  /** Spans lost since this was last asked. */
  takeLost(): number {
    const lost = this.#lost;
    this.#lost = 0;
    return lost;
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if (this.#waiting >= this.#queueSize) {
      this.#lost++;
      return;
    }
    this.#waiting++;
    this.#batch.onEnd(span);
  }

  forceFlush(): Promise<void> {
    return this.#batch.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.#batch.shutdown();
  }
}

type Export = SpanExporter['export'];

/** How many spans leave the queue, and how many never arrive. */
interface Told {
  taken(count: number): void;
  lost(count: number): void;
}

class CountingExporter implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #log: ExportLog;
  readonly #told: Told;
  #running = 0;
  readonly #queued: (() => void)[] = [];
  #isFailing = false;

  constructor(exporter: SpanExporter, log: ExportLog, told: Told) {
    this.#exporter = exporter;
    this.#log = log;
    this.#told = told;
  }

  export(...[spans, done]: Parameters<Export>): void {
    this.#told.taken(spans.length);
    const start = () => {
      this.#running++;
      this.#exporter.export(spans, (result) => {
        this.#running--;
        this.#note(spans.length, result.code === success, result.error);
        done(result);
        this.#queued.shift()?.();
      });
    };
    if (this.#running < mostExports) start();
    else this.#queued.push(start);
  }

  forceFlush(): Promise<void> {
    return this.#exporter.forceFlush?.() ?? Promise.resolve();
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }

  #note(count: number, ok: boolean, err: Error | undefined): void {
    if (!ok) this.#told.lost(count);
    if (ok === !this.#isFailing) return;
    this.#isFailing = !ok;
    if (ok) this.#log.info({}, 'the collector takes spans again');
    else this.#log.warn({ err, spans: count }, 'the collector does not take spans');
  }
}

/** The exporter that the standard variables name: OTLP by http/protobuf by default, or the console. */
export async function createExporter(env: NodeJS.ProcessEnv): Promise<SpanExporter> {
  if (env.OTEL_TRACES_EXPORTER === 'console') return new ConsoleSpanExporter();
  const protocol = env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL || env.OTEL_EXPORTER_OTLP_PROTOCOL;
  switch (protocol) {
    case 'grpc': {
      const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-grpc');
      return new OTLPTraceExporter();
    }
    case 'http/json': {
      const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http');
      return new OTLPTraceExporter();
    }
    default:
      return createProtobufExporter();
  }
}

/** The SDK's exporter over http/protobuf, with our encoder where that knows all that the spans have. */
async function createProtobufExporter(): Promise<SpanExporter> {
  const [base, http, transformer] = await Promise.all([
    import('@opentelemetry/otlp-exporter-base'),
    import('@opentelemetry/otlp-exporter-base/node-http'),
    import('@opentelemetry/otlp-transformer'),
  ]);
  const { ProtobufTraceSerializer: theirs, TraceExporterMetricsHelper } = transformer;
  const serializer: typeof theirs = {
    serializeRequest: (spans) =>
      spans.every(isEncodable) ? encodeSpans(spans) : theirs.serializeRequest(spans),
    deserializeResponse: (data) => theirs.deserializeResponse(data),
  };
  const headers = { 'Content-Type': 'application/x-protobuf' };
  const delegate = http.createOtlpHttpExportDelegate(
    http.convertLegacyHttpOptions({}, 'TRACES', 'v1/traces', headers),
    serializer,
    'otlp_http_span_exporter',
    TraceExporterMetricsHelper,
    undefined,
  );
  return new (class extends base.OTLPExporterBase<ReadableSpan[]> {})(delegate);
}
