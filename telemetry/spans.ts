import {
  type Attributes,
  type Context,
  type HrTime,
  logs,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type {
  AttributesOf,
  admissionSpan,
  attemptSpan,
  operationSpan,
  serverSpan,
} from './contract/spans.ts';

/** Headers as they came: names in lower case. */
export type HeaderCarrier = Record<string, string | string[] | undefined>;

/** Turns the telemetry's clock into the time of day. */
export type TimeOf = (ms: number) => HrTime;

/** A span with what it began with: the SDK copies all that it is given each time it is given something. */
interface OpenSpan {
  readonly span: Span;
  readonly attributes: object;
}

/**
 * The spans of one request that is sampled, made by hand: the SERVER span, under it one for a wait and
 * one for the GenAI operation, under that one CLIENT span for each attempt. Of a request that is not
 * sampled there is only the SERVER span's context, for the engine and the log. All times are
 * milliseconds of the telemetry's clock.
 */
export class RequestSpans {
  readonly #tracer: Tracer;
  readonly #timeOf: TimeOf;
  readonly #server: Span;
  readonly #serverContext: Context;
  #admission: Span | undefined;
  #operation: OpenSpan | undefined;
  #operationContext: Context | undefined;
  #attempt: OpenSpan | undefined;
  /** Whether the request is sampled; without that, attributes need not even be made. */
  readonly isRecording: boolean;

  /** Starts the SERVER span, which continues the trace of `carrier`. */
  constructor(
    tracer: Tracer,
    timeOf: TimeOf,
    name: string,
    carrier: HeaderCarrier,
    startMs: number,
  ) {
    this.#tracer = tracer;
    this.#timeOf = timeOf;
    const parent = propagation.extract(ROOT_CONTEXT, carrier);
    const options = { kind: SpanKind.SERVER, startTime: timeOf(startMs) };
    this.#server = tracer.startSpan(name, options, parent);
    this.#serverContext = trace.setSpan(parent, this.#server);
    this.isRecording = this.#server.isRecording();
  }

  /** Ids for the log and for exemplars; `sampled` tells whether anybody will find them. */
  ids(): { traceId: string; spanId: string; sampled: boolean } {
    const { traceId, spanId, traceFlags } = this.#server.spanContext();
    return { traceId, spanId, sampled: (traceFlags & 1) === 1 };
  }

  startAdmission(startMs: number): void {
    if (!this.isRecording) return;
    const options = { kind: SpanKind.INTERNAL, startTime: this.#timeOf(startMs) };
    this.#admission = this.#tracer.startSpan('fairlead.admission', options, this.#serverContext);
  }

  endAdmission(attributes: AttributesOf<typeof admissionSpan>, endMs: number): void {
    this.#end(
      this.#admission,
      undefined,
      attributes,
      endMs,
      attributes['error.type'] !== undefined,
    );
    this.#admission = undefined;
  }

  startOperation(
    name: string,
    attributes: AttributesOf<typeof operationSpan>,
    startMs: number,
  ): void {
    if (!this.isRecording) return;
    this.#operation = this.#start(name, attributes, startMs, this.#serverContext);
    this.#operationContext = trace.setSpan(this.#serverContext, this.#operation.span);
  }

  /** Starts an attempt where the request is sampled. @returns what carries the trace upstream */
  startAttempt(
    name: string,
    attributes: AttributesOf<typeof attemptSpan> | undefined,
    startMs: number,
  ): Record<string, string> {
    let context = this.#operationContext ?? this.#serverContext;
    if (attributes) {
      this.#attempt = this.#start(name, attributes, startMs, context);
      context = trace.setSpan(context, this.#attempt.span);
    }
    const carrier: Record<string, string> = {};
    propagation.inject(context, carrier);
    return carrier;
  }

  endAttempt(attributes: AttributesOf<typeof attemptSpan>, endMs: number): void {
    const { span, attributes: begun } = this.#attempt ?? {};
    this.#end(span, begun, attributes, endMs, attributes['error.type'] !== undefined);
    this.#attempt = undefined;
  }

  endOperation(attributes: AttributesOf<typeof operationSpan>, endMs: number): void {
    const { span, attributes: begun } = this.#operation ?? {};
    this.#end(span, begun, attributes, endMs, attributes['error.type'] !== undefined);
    this.#operation = undefined;
  }

  /** What was said, as the conventions' event. */
  emitDetails(attributes: object, endMs: number): void {
    logs.getLogger('fairlead').emit({
      eventName: 'gen_ai.client.inference.operation.details',
      timestamp: this.#timeOf(endMs),
      context: this.#operationContext ?? this.#serverContext,
      attributes: attributes as Attributes,
    });
  }

  endServer(attributes: AttributesOf<typeof serverSpan>, endMs: number, failed: boolean): void {
    this.#end(this.#server, undefined, attributes, endMs, failed);
  }

  #start(name: string, attributes: object, startMs: number, context: Context): OpenSpan {
    const options = { kind: SpanKind.CLIENT, startTime: this.#timeOf(startMs) };
    return { span: this.#tracer.startSpan(name, options, context), attributes };
  }

  #end(
    span: Span | undefined,
    begun: object | undefined,
    ended: object,
    endMs: number,
    failed: boolean,
  ): void {
    if (!span) return;
    span.setAttributes({ ...begun, ...ended });
    if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(this.#timeOf(endMs));
  }
}
