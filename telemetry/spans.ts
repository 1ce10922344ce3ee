import {
  type Attributes,
  type Context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';

/** Headers as they came: names in lower case. */
export type HeaderCarrier = Record<string, string | string[] | undefined>;

/**
 * The spans of one request, made by hand: the SERVER span, which continues the client's trace; under it
 * one GenAI span over all attempts; under that one CLIENT span for each attempt.
 */
export class RequestSpans {
  readonly #tracer: Tracer;
  readonly #server: Span;
  readonly #serverContext: Context;
  #operation: { span: Span; context: Context } | undefined;
  #attempt: Span | undefined;

  /** Starts the SERVER span at `startTime`. */
  constructor(
    tracer: Tracer,
    name: string,
    carrier: HeaderCarrier,
    attributes: Attributes,
    startTime: Date,
  ) {
    this.#tracer = tracer;
    const parent = propagation.extract(ROOT_CONTEXT, carrier);
    const options = { kind: SpanKind.SERVER, attributes, startTime };
    this.#server = tracer.startSpan(name, options, parent);
    this.#serverContext = trace.setSpan(parent, this.#server);
  }

  /** Ids for the log and for exemplars; `sampled` tells whether anybody will find them. */
  ids(): { traceId: string; spanId: string; sampled: boolean } {
    const { traceId, spanId, traceFlags } = this.#server.spanContext();
    return { traceId, spanId, sampled: (traceFlags & 1) === 1 };
  }

  startOperation(name: string, attributes: Attributes): void {
    const options = { kind: SpanKind.CLIENT, attributes };
    const span = this.#tracer.startSpan(name, options, this.#serverContext);
    this.#operation = { span, context: trace.setSpan(this.#serverContext, span) };
  }

  /** Starts an attempt and returns the headers that carry it upstream (traceparent, tracestate). */
  startAttempt(name: string, attributes: Attributes): Record<string, string> {
    const parent = this.#operation?.context ?? this.#serverContext;
    const span = this.#tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, parent);
    this.#attempt = span;
    const carrier: Record<string, string> = {};
    propagation.inject(trace.setSpan(parent, span), carrier);
    return carrier;
  }

  endAttempt(attributes: Attributes, failed: boolean): void {
    end(this.#attempt, attributes, failed);
    this.#attempt = undefined;
  }

  endOperation(attributes: Attributes, failed: boolean): void {
    end(this.#operation?.span, attributes, failed);
  }

  endServer(attributes: Attributes, failed: boolean): void {
    end(this.#server, attributes, failed);
  }
}

function end(span: Span | undefined, attributes: Attributes, failed: boolean): void {
  span?.setAttributes(attributes);
  if (failed) span?.setStatus({ code: SpanStatusCode.ERROR });
  span?.end();
}
