import { asJson, ContentCapture } from './content-capture.ts';
import { otherValue, type Phase, type QueueOutcome } from './contract/values.ts';
import { errorTypeOf, outcomeOf, queueErrorOf, queueOutcomeOf } from './outcome.ts';
import { type ReplyFacts, ReplySample } from './reply-facts.ts';
import type {
  AttemptEnd,
  AttemptTarget,
  CallBody,
  HoldObserver,
  ModelCall,
  RequestEnd,
  RequestStart,
} from './request-events.ts';
import type { RequestSummary, RequestTelemetry } from './request-telemetry.ts';
import {
  attemptStart,
  operationEnd,
  operationName,
  operationStart,
  serverAttributes,
  serverName,
} from './span-attributes.ts';
import { RequestSpans } from './spans.ts';
import { startWaits } from './zero-series.ts';

/**
 * Collects what happens to one request and, at its end, tells it once to each of metrics, spans and
 * log. The calls come in order: call?, ((held, released)?, attemptStarted, attemptEnded)*, end.
 */
export class RequestRecord implements HoldObserver {
  readonly #telemetry: RequestTelemetry;
  readonly #start: RequestStart;
  readonly #spans: RequestSpans | undefined;
  #call: ModelCall | undefined;
  #target: AttemptTarget | undefined;
  #attempts = 0;
  #attemptStartMs = 0;
  #upstreamMs = 0;
  #heldSinceMs: number | undefined;
  #queueMs: number | undefined;
  #firstByteMs: number | undefined;
  #sample: ReplySample | undefined;
  #facts: ReplyFacts | undefined;
  #content: ContentCapture | undefined;
  #tenant: string | undefined;
  #whenOver: ((facts: ReplyFacts | undefined, end: RequestEnd) => void) | undefined;
  #ended = false;

  constructor(telemetry: RequestTelemetry, start: RequestStart) {
    this.#telemetry = telemetry;
    this.#start = start;
    const { tracing, nowMs } = telemetry;
    if (!tracing.enabled) return;
    const offsetMs = Date.now() - nowMs();
    const name = serverName(start);
    this.#spans = new RequestSpans(tracing, offsetMs, name, start.headers, start.startMs);
  }

  /** Who sends it is known. */
  from(tenant: string | undefined): void {
    this.#tenant = tenant;
  }

  /** @param told what the answer says of itself, and what the client saw; once, at the end */
  whenOver(told: (facts: ReplyFacts | undefined, end: RequestEnd) => void): void {
    this.#whenOver = told;
  }

  /** The model and operation are known. @param body absent where there is none that can be read */
  call(call: ModelCall, body?: CallBody): void {
    this.#call = call;
    this.#telemetry.called(call, this.#model());
    if (!this.#spans?.isRecording) return;
    const { tracing, nowMs } = this.#telemetry;
    const attributes = operationStart(call, body?.parameters(), tracing.profile);
    this.#spans.startOperation(operationName(call), attributes, nowMs());
    if (tracing.content === 'off' || !body) return;
    this.#content = new ContentCapture(body.bytes, attributes);
  }

  held(): void {
    const { metrics, nowMs } = this.#telemetry;
    this.#heldSinceMs = nowMs();
    metrics.queueDepth.inc({ gen_ai_request_model: this.#model() });
    startWaits(metrics, this.#model());
    this.#spans?.startAdmission(this.#heldSinceMs);
  }

  released(outcome: QueueOutcome): void {
    const { queueDepth, queueWait } = this.#telemetry.metrics;
    const model = this.#model();
    const nowMs = this.#telemetry.nowMs();
    const waitedMs = nowMs - (this.#heldSinceMs ?? nowMs);
    this.#queueMs = (this.#queueMs ?? 0) + waitedMs;
    queueWait.observe({ gen_ai_request_model: model, outcome }, waitedMs / 1000);
    if (this.#heldSinceMs === undefined) return;
    this.#heldSinceMs = undefined;
    queueDepth.dec({ gen_ai_request_model: model });
    this.#spans?.endAdmission(
      { 'fairlead.queue.outcome': outcome, 'error.type': queueErrorOf(outcome) },
      nowMs,
    );
  }

  /** A replica is asked. Returns the headers that continue the trace upstream; none when tracing is off. */
  attemptStarted(target: AttemptTarget): Record<string, string> | undefined {
    this.#countFallback(target.model);
    this.#target = target;
    this.#attemptStartMs = this.#telemetry.nowMs();
    this.#sample = undefined;
    this.#facts = undefined;
    this.#content?.restart();
    const index = this.#attempts++;
    if (!this.#spans) return undefined;
    const attributes = this.#spans.isRecording
      ? attemptStart(this.#start, target, index)
      : undefined;
    return this.#spans.startAttempt(this.#start.method, attributes, this.#attemptStartMs);
  }

  attemptEnded(end: AttemptEnd): void {
    const nowMs = this.#telemetry.nowMs();
    this.#upstreamMs += nowMs - this.#attemptStartMs;
    this.#telemetry.metrics.upstreamAttempts.inc({
      gen_ai_request_model: this.#model(),
      outcome: end.outcome,
    });
    if (!this.#spans?.isRecording) return;
    const errorType = errorTypeOf(end.statusCode ?? 0, end.errorType);
    this.#spans.endAttempt(
      { 'http.response.status_code': end.statusCode, 'error.type': errorType },
      nowMs,
    );
  }

  /** An attempt is repeated, for `reason` (an error.type). */
  retried(reason: string): void {
    this.#telemetry.metrics.retries.inc({ gen_ai_request_model: this.#model(), reason });
  }

  /** Bytes of the answer's body; they are referred to, not copied. */
  data(chunk: Buffer): void {
    this.#firstByteMs ??= this.#telemetry.nowMs();
    this.#sample ??= new ReplySample();
    this.#sample.add(chunk);
    this.#content?.add(chunk);
  }

  /** The last bytes of the answer seen so far, as latin1 text of at most `count` characters. */
  lastBytes(count: number): string {
    return this.#sample?.end(count) ?? '';
  }

  /** What the answer so far tells of itself; to be asked at its end. */
  facts(): ReplyFacts | undefined {
    this.#facts ??= this.#sample?.facts();
    return this.#facts;
  }

  /** Milliseconds since the request came. */
  elapsedMs(): number {
    return this.#telemetry.nowMs() - this.#start.startMs;
  }

  /** Where the answer is, for `fairlead_client_disconnects_total`. */
  phase(): Phase {
    if (this.#firstByteMs !== undefined) return 'streaming';
    return this.#attempts > 0 ? 'prefill' : 'queued';
  }

  /** The request is over. Only the first call counts. */
  end(end: RequestEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    const endMs = this.#telemetry.nowMs();
    if (this.#heldSinceMs !== undefined) {
      this.released(queueOutcomeOf(end.errorType));
    }
    const summary = this.#summary(end, endMs);
    if (end.errorType === 'client_disconnected') {
      this.#telemetry.metrics.clientDisconnects.inc({
        gen_ai_request_model: summary.model,
        phase: this.phase(),
      });
    }
    this.#telemetry.report(summary);
    this.#whenOver?.(summary.facts, end);
    if (!this.#spans?.isRecording) return;
    this.#endOperation(summary, endMs);
    const failed = end.status >= 500 || end.errorType === 'stream_truncated';
    this.#spans.endServer(serverAttributes(this.#start, end, summary.errorType), endMs, failed);
  }

  #endOperation(summary: RequestSummary, endMs: number): void {
    const { profile, content } = this.#telemetry.tracing;
    const attributes = operationEnd(summary, profile);
    const said = this.#content?.said();
    if (said && content === 'event') {
      this.#spans?.emitDetails({ ...this.#content?.asked, ...attributes, ...said }, endMs);
    }
    const onSpan = said && content === 'span' ? asJson(said) : undefined;
    this.#spans?.endOperation(onSpan ? { ...attributes, ...onSpan } : attributes, endMs);
  }

  #summary(end: RequestEnd, endMs: number): RequestSummary {
    const { startMs, receivedMs } = this.#start;
    const firstByteMs = this.#firstByteMs;
    const durationMs = endMs - startMs;
    const elsewhereMs = receivedMs - startMs + this.#upstreamMs + (this.#queueMs ?? 0);
    return {
      start: this.#start,
      end,
      call: this.#call,
      model: this.#model(),
      fallbackModel: this.#fallbackModel(),
      tenant: this.#tenant,
      target: this.#target,
      attempts: this.#attempts,
      outcome: outcomeOf(end.status, end.errorType),
      errorType: errorTypeOf(end.status, end.errorType),
      facts: this.facts(),
      durationMs,
      queueMs: this.#queueMs,
      ttftMs: this.#call?.stream && firstByteMs !== undefined ? firstByteMs - startMs : undefined,
      answerMs: firstByteMs === undefined ? undefined : endMs - firstByteMs,
      overheadMs: Math.max(0, durationMs - elsewhereMs),
      ids: this.#spans?.ids(),
    };
  }

  #model(): string {
    return this.#call?.model ?? otherValue;
  }

  /** The model asked last, when that is not the one that the client asked for. */
  #fallbackModel(): string | undefined {
    const asked = this.#target?.model;
    return asked === this.#call?.model ? undefined : asked;
  }

  #countFallback(next: string | undefined): void {
    if (next === undefined || next === this.#call?.model || next === this.#target?.model) return;
    const labels = { gen_ai_request_model: this.#model(), fallback_model: next };
    this.#telemetry.metrics.fallbacks.inc(labels);
  }
}
