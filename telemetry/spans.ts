import {
  type Attributes,
  logs,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import type {
  AttributesOf,
  admissionSpan,
  attemptSpan,
  operationSpan,
  serverSpan,
} from './contract/spans.ts';
import type { HeaderCarrier } from './propagation.ts';
import { hrTime, RecordedSpan } from './recorded-span.ts';
import { newSpanId, newTraceId } from './span-ids.ts';
import type { Tracing } from './tracing.ts';

/**
 * The spans of one request that is sampled, made by hand: the SERVER span, under it one for a wait and
 * one for the GenAI operation, under that one CLIENT span for each attempt. Of a request that is not
 * sampled there is only the SERVER span's context, for the engine and the log. All times are
 * milliseconds of the telemetry's clock.
 */
export class RequestSpans {
  readonly #tracing: Tracing;
  /** From the telemetry's clock to 1970: one for all spans of a request, so that they fit together. */
  readonly #offsetMs: number;
  /** Headers of the request. */
  readonly #received: HeaderCarrier;
  readonly #ids: SpanContext;
  readonly #server: RecordedSpan | undefined;
  #admission: RecordedSpan | undefined;
  #operation: RecordedSpan | undefined;
  #attempt: RecordedSpan | undefined;

  /**
   * Starts the SERVER span, which continues the trace of the headers `received`.
   * @param offsetMs what makes of the telemetry's clock that since 1970
   */
  constructor(
    tracing: Tracing,
    offsetMs: number,
    name: string,
    received: HeaderCarrier,
    startMs: number,
  ) {
    this.#tracing = tracing;
    this.#offsetMs = offsetMs;
    this.#received = received;
    const parent = tracing.propagation.parentOf(received);
    const traceId = parent?.traceId ?? newTraceId();
    const { origin } = tracing;
    const isSampled = origin !== undefined && tracing.samples(traceId, parent);
    this.#ids = {
      traceId,
      spanId: newSpanId(),
      traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
      ...(parent?.traceState && { traceState: parent.traceState }),
    };
    if (!isSampled) return;
    const about = { name, kind: SpanKind.SERVER, startMs: offsetMs + startMs };
    this.#server = new RecordedSpan(origin, about, this.#ids, parent);
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
    const { context } = this.#attempt ?? parent ?? { context: this.#ids };
    return this.#tracing.propagation.headersFor(context, this.#received);
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
      timestamp: hrTime(this.#offsetMs + endMs),
      context: trace.setSpanContext(ROOT_CONTEXT, this.#operation?.context ?? this.#ids),
      attributes: attributes as Attributes,
    });
  }

  endServer(attributes: AttributesOf<typeof serverSpan>, endMs: number, failed: boolean): void {
    this.#end(this.#server, attributes, endMs, failed);
  }

  #start(
    name: string,
    kind: SpanKind,
    startMs: number,
    parent: RecordedSpan | undefined,
    attributes?: object,
  ): RecordedSpan | undefined {
    if (!parent) return undefined;
    const about = { name, kind, startMs: this.#offsetMs + startMs, attributes };
    const above = parent.context;
    return new RecordedSpan(parent.origin, about, { ...above, spanId: newSpanId() }, above);
  }

  #end(span: RecordedSpan | undefined, ended: object, endMs: number, failed: boolean): void {
    if (!span) return;
    span.end(ended, this.#offsetMs + endMs, failed);
    this.#tracing.ended(span);
  }
}
