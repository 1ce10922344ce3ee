import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace';

/** Told when spans begin to get lost at the collector, and when they no longer do. */
export interface ExportLog {
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
}

/** Spans that go out together. */
export interface SpanBatch {
  readonly count: number;
  /** Whether it is better sent than added to. */
  readonly isFull: boolean;
  /** @param span that is over */
  add(span: ReadableSpan): void;
  /** Sends all of them, once. @param done what came of it */
  send(done: (error: Error | undefined) => void): void;
}

/** Where batches go. */
export interface SpanExport {
  /** Begins a batch. */
  begin(): SpanBatch;
  shutdown(): Promise<void>;
}

/** Exporters take 30 exports at a time and refuse more; a full queue has more batches than that. */
const mostExports = 16;

/**
 * The queue of spans before a collector. The SDK's own keeps every span until a batch is sent, which makes
 * them survive the garbage collector (bench/telemetry), and tells nobody what it loses: here a batch takes
 * a span as soon as that ends, and those lost are counted: the queue was full, or the collector did not
 * take them.
 */
export class SpanQueue implements SpanProcessor {
  readonly #export: SpanExport;
  readonly #mostSpans: number;
  readonly #delayMs: number;
  readonly #log: ExportLog;
  #open: SpanBatch | undefined;
  readonly #closed: SpanBatch[] = [];
  /** Spans in these. */
  #waiting = 0;
  #running = 0;
  #timer: NodeJS.Timeout | undefined;
  #whenIdle: (() => void)[] = [];
  #lost = 0;
  #isFailing = false;

  /** @param options as the standard OTEL_BSP_* variables have them */
  constructor(to: SpanExport, options: { queueSize: number; delayMs: number }, log: ExportLog) {
    this.#export = to;
    this.#mostSpans = options.queueSize;
    this.#delayMs = options.delayMs;
    this.#log = log;
  }

  /** Spans lost since this was last asked. */
  takeLost(): number {
    const lost = this.#lost;
    this.#lost = 0;
    return lost;
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if (this.#waiting >= this.#mostSpans) {
      this.#lost++;
      return;
    }
    this.#waiting++;
    this.#open ??= this.#export.begin();
    this.#open.add(span);
    if (this.#open.isFull) this.#close();
    else this.#timer ??= setTimeout(() => this.#close(), this.#delayMs).unref();
  }

  /** Resolves when all that ended before is sent, or lost. */
  forceFlush(): Promise<void> {
    this.#close();
    if (this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  async shutdown(): Promise<void> {
    await this.forceFlush();
    await this.#export.shutdown();
  }

  #close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#open) this.#closed.push(this.#open);
    this.#open = undefined;
    this.#send();
  }

  #send(): void {
    while (this.#running < mostExports) {
      const batch = this.#closed.shift();
      if (!batch) break;
      this.#running++;
      this.#waiting -= batch.count;
      batch.send((error) => {
        this.#running--;
        this.#note(batch.count, error);
        this.#send();
      });
    }
    if (this.#running > 0) return;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  #note(count: number, err: Error | undefined): void {
    if (err) this.#lost += count;
    if (this.#isFailing === (err !== undefined)) return;
    this.#isFailing = err !== undefined;
    if (err) this.#log.warn({ err, spans: count }, 'the collector does not take spans');
    else this.#log.info({}, 'the collector takes spans again');
  }
}
