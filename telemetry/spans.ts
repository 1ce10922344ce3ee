import {
  type Attributes,
  type Context,
  type HrTime,
  logs,
  propagation,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  trace,
} from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import type {
  AttributesOf,
  admissionSpan,
  attemptSpan,
  operationSpan,
  serverSpan,
} from './contract/spans.ts';
import { childContext, RecordedSpan } from './recorded-span.ts';
import type { Tracing } from './tracing.ts';

/** Headers as they came: names in lower case. */
export type HeaderCarrier = Record<string, string | string[] | undefined>;

/** Turns the telemetry's clock into the time of day. */
export type TimeOf = (ms: number) => HrTime;

/**
 * The spans of one request that is sampled, made by hand: the SERVER span, under it one for a wait and
 * one for the GenAI operation, under that one CLIENT span for each attempt. Of a request that is not
 * sampled there is only the SERVER span's context, for the engine and the log. All times are
 * milliseconds of the telemetry's clock.
 */
export class RequestSpans {
  readonly #tracing: Tracing;
  readonly #timeOf: TimeOf;
  /** What came with the request: the trace that it continues, and baggage. */
  readonly #context: Context;
  readonly #ids: SpanContext;
  readonly #server: RecordedSpan | undefined;
  #admission: RecordedSpan | undefined;
  #operation: RecordedSpan | undefined;
  #attempt: RecordedSpan | undefined;

  /** Starts the SERVER span, which continues the trace of `carrier`. */
  constructor(
    tracing: Tracing,
    timeOf: TimeOf,
    name: string,
    carrier: HeaderCarrier,
    startMs: number,
  ) {
    this.#tracing = tracing;
    this.#timeOf = timeOf;
    const parent = propagation.extract(ROOT_CONTEXT, carrier);
    const about = { name, kind: SpanKind.SERVER, startTime: timeOf(startMs) };
    // The SDK says whether it is sampled, and which trace it is; that it records is left to ours.
    const started = tracing.tracer.startSpan(name, about, parent);
    this.#ids = started.spanContext();
    this.#context = parent;
    if (!started.isRecording()) return;
    const origin = started as unknown as ReadableSpan;
    const { parentSpanContext } = origin;
    this.#server = new RecordedSpan(origin, about, this.#ids, parentSpanContext);
  }

  /** Whether the request is sampled; without that, attributes need not even be made. */
  get isRecording(): boolean {
    return this.#server !== undefined;
  }

  /** Ids for the log and for exemplars; `sampled` tells whether anybody will find them. */
  ids(): { traceId: string; spanId: string; sampled: boolean } {
    const { traceId, spanId, traceFlags } = this.#ids;
    return { traceId, spanId, sampled: (traceFlags & 1) === 1 };
  }

  startAdmission(startMs: number): void {
    const { INTERNAL } = SpanKind;
    this.#admission = this.#start('fairlead.admission', INTERNAL, startMs, this.#server);
  }

  endAdmission(attributes: AttributesOf<typeof admissionSpan>, endMs: number): void {
    this.#end(this.#admission, attributes, endMs, attributes['error.type'] !== undefined);
    this.#admission = undefined;
  }

  startOperation(
    name: string,
    attributes: AttributesOf<typeof operationSpan>,
    startMs: number,
  ): void {
    const { CLIENT } = SpanKind;
    this.#operation = this.#start(name, CLIENT, startMs, this.#server, attributes);
  }

  /** Starts an attempt where the request is sampled. @returns what carries the trace upstream */
  startAttempt(
    name: string,
    attributes: AttributesOf<typeof attemptSpan> | undefined,
    startMs: number,
  ): Record<string, string> {
    const parent = this.#operation ?? this.#server;
    this.#attempt = this.#start(name, SpanKind.CLIENT, startMs, parent, attributes);
    const carrier: Record<string, string> = {};
    propagation.inject(this.#contextOf(this.#attempt ?? parent), carrier);
    return carrier;
  }

  endAttempt(attributes: AttributesOf<typeof attemptSpan>, endMs: number): void {
    this.#end(this.#attempt, attributes, endMs, attributes['error.type'] !== undefined);
    this.#attempt = undefined;
  }

  endOperation(attributes: AttributesOf<typeof operationSpan>, endMs: number): void {
    this.#end(this.#operation, attributes, endMs, attributes['error.type'] !== undefined);
    this.#operation = undefined;
  }

  /** What was said, as the conventions' event. */
  emitDetails(attributes: object, endMs: number): void {
    logs.getLogger('fairlead').emit({
      eventName: 'gen_ai.client.inference.operation.details',
      timestamp: this.#timeOf(endMs),
      context: this.#contextOf(this.#operation ?? this.#server),
      attributes: attributes as Attributes,
    });
  }

  endServer(attributes: AttributesOf<typeof serverSpan>, endMs: number, failed: boolean): void {
    this.#end(this.#server, attributes, endMs, failed);
  }

  #contextOf(span: RecordedSpan | undefined): Context {
    return trace.setSpanContext(this.#context, span?.spanContext() ?? this.#ids);
  }

  #start(
    name: string,
    kind: SpanKind,
    startMs: number,
    parent: RecordedSpan | undefined,
    attributes?: object,
  ): RecordedSpan | undefined {
    if (!parent) return undefined;
    const about = { name, kind, startTime: this.#timeOf(startMs) };
    const above = parent.spanContext();
    return new RecordedSpan(parent, about, childContext(above), above, attributes);
  }

  #end(span: RecordedSpan | undefined, ended: object, endMs: number, failed: boolean): void {
    if (!span) return;
    span.end(ended, this.#timeOf(endMs), failed);
    this.#tracing.ended(span);
  }
}
