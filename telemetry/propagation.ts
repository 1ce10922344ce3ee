import {
  propagation as api,
  createTraceState,
  ROOT_CONTEXT,
  type SpanContext,
  trace,
} from '@opentelemetry/api';

/** Headers as they came: names in lower case. */
export type HeaderCarrier = Record<string, string | string[] | undefined>;

/** How a trace goes from one program to the next. */
export interface Propagation {
  /** The span that a request's headers continue. */
  parentOf(headers: HeaderCarrier): SpanContext | undefined;
  /** What continues `span` upstream. @param received the headers that its request came with */
  headersFor(span: SpanContext, received: HeaderCarrier): Record<string, string>;
}

/** https://www.w3.org/TR/trace-context/#traceparent-header; a version after ours may have more behind it. */
const traceparent = /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}(-|$)/;

/**
 * W3C's `traceparent` and `tracestate` alone; the SDK's way, over a context for each step, takes four times as
 * long. Baggage needs nothing: the client's headers go upstream.
 */
export const w3c: Propagation = {
  parentOf({ traceparent: header, tracestate: state }) {
    if (typeof header !== 'string' || !traceparent.test(header)) return undefined;
    if (header.startsWith('00') && header.length > 55) return undefined;
    return {
      traceId: header.slice(3, 35),
      spanId: header.slice(36, 52),
      traceFlags: Number.parseInt(header.slice(53, 55), 16),
      isRemote: true,
      ...(typeof state === 'string' && { traceState: createTraceState(state) }),
    };
  },
  headersFor({ traceId, spanId, traceFlags, traceState }) {
    const headers = { traceparent: `00-${traceId}-${spanId}-0${traceFlags & 1}` };
    const tracestate = traceState?.serialize();
    return tracestate ? { ...headers, tracestate } : headers;
  },
};

/** By what the standard variable OTEL_PROPAGATORS names. */
const byVariable: Propagation = {
  parentOf: (headers) => trace.getSpanContext(api.extract(ROOT_CONTEXT, headers)),
  headersFor(span, received) {
    const headers: Record<string, string> = {};
    api.inject(trace.setSpanContext(api.extract(ROOT_CONTEXT, received), span), headers);
    return headers;
  },
};

/** How the standard variables say that traces go on. */
export function propagationOf({ OTEL_PROPAGATORS: named }: NodeJS.ProcessEnv): Propagation {
  return !named || named === 'tracecontext,baggage' ? w3c : byVariable;
}
