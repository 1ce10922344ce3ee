import { logLine } from './access-log.ts';
import { CallSeries } from './call-series.ts';
import { type Operation, type Outcome, otherValue } from './contract/values.ts';
import type { RouterMetrics } from './metrics.ts';
import type { ReplyFacts } from './reply-facts.ts';
import type { AttemptTarget, ModelCall, RequestEnd, RequestStart } from './request-events.ts';
import type { Tracing } from './tracing.ts';
import { startCalls } from './zero-series.ts';

/** A request that is over. Durations are milliseconds. */
export interface RequestSummary {
  start: RequestStart;
  end: RequestEnd;
  call: ModelCall | undefined;
  /** A name of the catalog, or `_OTHER`. */
  model: string;
  /** The model that was asked in its place last. */
  fallbackModel: string | undefined;
  tenant: string | undefined;
  target: AttemptTarget | undefined;
  attempts: number;
  outcome: Outcome;
  errorType: string | undefined;
  facts: ReplyFacts | undefined;
  durationMs: number;
  /** Waited for a replica; undefined: it had not to. */
  queueMs: number | undefined;
  ttftMs: number | undefined;
  /** From the answer's first byte to its last. */
  answerMs: number | undefined;
  overheadMs: number;
  ids: { traceId: string; spanId: string; sampled: boolean } | undefined;
}

/** What reporting needs. */
export interface RequestTelemetryOptions {
  metrics: RouterMetrics;
  tracing: Tracing;
  /** Where the one line a request goes; absent: nowhere. */
  accessLog?: { info(fields: object, message: string): void } | undefined;
  nowMs: () => number;
}

/** Tells metrics and log of requests; a record of each collects what there is to tell. */
export class RequestTelemetry {
  readonly metrics: RouterMetrics;
  readonly tracing: Tracing;
  readonly nowMs: () => number;
  readonly #accessLog: RequestTelemetryOptions['accessLog'];
  readonly #series = new Map<string, Map<Operation, CallSeries>>();

  constructor(options: RequestTelemetryOptions) {
    this.metrics = options.metrics;
    this.tracing = options.tracing;
    this.nowMs = options.nowMs;
    this.#accessLog = options.accessLog;
  }

  /** Counts and logs a request that is over. */
  report(summary: RequestSummary): void {
    this.#count(summary);
    this.#accessLog?.info(logLine(summary), 'request');
  }

  /** Counts a call that begins. */
  called({ operation }: ModelCall, model: string): void {
    this.#seriesOf(operation, model).begun();
  }

  #count(summary: RequestSummary): void {
    const { call, model, end, outcome } = summary;
    if (call) {
      this.#seriesOf(call.operation, model).over(summary);
      return;
    }
    this.metrics.requests.inc({
      gen_ai_request_model: model,
      gen_ai_operation_name: otherValue,
      code: String(end.status),
      outcome,
    });
  }

  #seriesOf(operation: Operation, model: string): CallSeries {
    let ofModel = this.#series.get(model);
    if (!ofModel) {
      ofModel = new Map();
      this.#series.set(model, ofModel);
    }
    let series = ofModel.get(operation);
    if (!series) {
      if (model !== otherValue) startCalls(this.metrics, model, operation);
      series = new CallSeries(this.metrics, operation, model);
      ofModel.set(operation, series);
    }
    return series;
  }
}
