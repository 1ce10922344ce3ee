import { logLine } from './access-log.ts';
import {
  attemptOutcomes,
  type Operation,
  type Outcome,
  otherValue,
  phases,
  providerName,
} from './contract/values.ts';
import type { RouterMetrics } from './metrics.ts';
import type { ReplyFacts } from './reply-facts.ts';
import {
  type AttemptTarget,
  type ModelCall,
  type RequestEnd,
  RequestRecord,
  type RequestStart,
} from './request-record.ts';
import type { Tracing } from './tracing.ts';

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

/** Tells metrics and log of requests; {@link RequestRecord} collects what there is to tell. */
export class RequestTelemetry {
  readonly metrics: RouterMetrics;
  readonly tracing: Tracing;
  readonly nowMs: () => number;
  readonly #accessLog: RequestTelemetryOptions['accessLog'];

  constructor(options: RequestTelemetryOptions) {
    this.metrics = options.metrics;
    this.tracing = options.tracing;
    this.nowMs = options.nowMs;
    this.#accessLog = options.accessLog;
  }

  /** Begins the record of a request. */
  begin(start: RequestStart): RequestRecord {
    return new RequestRecord(this, start);
  }

  /** Makes the counters of a model that was never asked start at zero. */
  announce(model: string, operations: readonly Operation[]): void {
    const { metrics } = this;
    const of = { gen_ai_request_model: model };
    for (const operation of operations) {
      const labels = { ...of, gen_ai_operation_name: operation };
      metrics.requests.inc({ ...labels, code: '200', outcome: 'ok' }, 0);
    }
    for (const type of ['input', 'output']) metrics.tokens.inc({ ...of, type }, 0);
    for (const outcome of attemptOutcomes) metrics.upstreamAttempts.inc({ ...of, outcome }, 0);
    for (const phase of phases) metrics.clientDisconnects.inc({ ...of, phase }, 0);
    metrics.retries.inc({ ...of, reason: 'connection_error' }, 0);
    metrics.prefixLookupBlocks.inc(of, 0);
    metrics.prefixHitBlocks.inc(of, 0);
    metrics.requestsInFlight.inc(of, 0);
    metrics.queueDepth.inc(of, 0);
  }

  /** Counts and logs a request that is over. */
  report(summary: RequestSummary): void {
    this.#count(summary);
    this.#accessLog?.info(logLine(summary), 'request');
  }

  #count(summary: RequestSummary): void {
    const { metrics } = this;
    const { call, model, facts, ttftMs, answerMs, errorType } = summary;
    metrics.requests.inc({
      gen_ai_request_model: model,
      gen_ai_operation_name: call?.operation ?? otherValue,
      code: String(summary.end.status),
      outcome: summary.outcome,
    });
    if (!call) return;
    metrics.requestsInFlight.dec({ gen_ai_request_model: model });
    const labels = {
      gen_ai_operation_name: call.operation,
      gen_ai_provider_name: providerName,
      gen_ai_request_model: model,
    };
    const exemplar = summary.ids?.sampled ? summary.ids : undefined;
    metrics.requestDuration.observe(
      errorType === undefined ? labels : { ...labels, error_type: errorType },
      summary.durationMs / 1000,
      exemplar,
    );
    if (summary.attempts === 0) return;
    metrics.routerOverhead.observe({}, summary.overheadMs / 1000);
    if (ttftMs !== undefined) metrics.timeToFirstToken.observe(labels, ttftMs / 1000, exemplar);
    if (facts) this.#countTokens(labels, facts, call.stream ? answerMs : undefined, summary.tenant);
  }

  #countTokens(
    labels: Record<
      'gen_ai_operation_name' | 'gen_ai_provider_name' | 'gen_ai_request_model',
      string
    >,
    facts: ReplyFacts,
    answerMs: number | undefined,
    tenant: string | undefined,
  ): void {
    const { gen_ai_request_model } = labels;
    const { inputTokens, outputTokens, cachedTokens, reasoningTokens } = facts;
    for (const [type, tokens] of [
      ['input', inputTokens],
      ['output', outputTokens],
    ] as const) {
      if (tokens === undefined) continue;
      this.metrics.tokens.inc({ gen_ai_request_model, tenant, type }, tokens);
      this.metrics.tokenUsage.observe({ ...labels, gen_ai_token_type: type }, tokens);
    }
    for (const [type, tokens] of [
      ['cached_input', cachedTokens],
      ['reasoning', reasoningTokens],
    ] as const) {
      if (tokens) this.metrics.tokens.inc({ gen_ai_request_model, tenant, type }, tokens);
    }
    if (answerMs !== undefined && outputTokens !== undefined && outputTokens > 1) {
      this.metrics.timePerOutputToken.observe(labels, answerMs / 1000 / (outputTokens - 1));
    }
  }
}
