import {
  type Attributes,
  type HrTime,
  type SpanContext,
  type SpanKind,
  SpanStatusCode,
} from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';

/** What all spans of a tracer have in common. */
export type SpanOrigin = Pick<ReadableSpan, 'resource' | 'instrumentationScope'>;

const none: never[] = [];

/**
 * A span as exporters read it. The SDK's own copies and checks each attribute as it is set, which is for
 * attributes that strangers set, and takes a third of what tracing may cost (bench/telemetry).
 */
export class RecordedSpan implements ReadableSpan {
  readonly origin: SpanOrigin;
  readonly name: string;
  readonly kind: SpanKind;
  readonly context: SpanContext;
  readonly parentSpanContext?: SpanContext;
  /** Milliseconds since 1970, as is `endMs`. */
  readonly startMs: number;
  readonly links = none;
  readonly events = none;
  readonly droppedAttributesCount = 0;
  readonly droppedEventsCount = 0;
  readonly droppedLinksCount = 0;
  endMs = 0;
  failed = false;
  ended = false;
  /** Attributes known at the start and at the end; what is undefined is absent, and none is in both. */
  readonly begunWith: object | undefined;
  endedWith: object | undefined;

  constructor(
    origin: SpanOrigin,
    about: { name: string; kind: SpanKind; startMs: number; attributes?: object | undefined },
    context: SpanContext,
    parent: SpanContext | undefined,
  ) {
    this.origin = origin;
    this.name = about.name;
    this.kind = about.kind;
    this.startMs = about.startMs;
    this.begunWith = about.attributes;
    this.context = context;
    if (parent) this.parentSpanContext = parent;
  }

  end(attributes: object, endMs: number, failed: boolean): void {
    this.endedWith = attributes;
    this.endMs = endMs;
    this.failed = failed;
    this.ended = true;
  }

  spanContext(): SpanContext {
    return this.context;
  }

  get resource(): ReadableSpan['resource'] {
    return this.origin.resource;
  }

  get instrumentationScope(): ReadableSpan['instrumentationScope'] {
    return this.origin.instrumentationScope;
  }

  get attributes(): Attributes {
    const given = Object.entries({ ...this.begunWith, ...this.endedWith });
    return Object.fromEntries(given.filter(([, value]) => value !== undefined));
  }

  get status(): ReadableSpan['status'] {
    return { code: this.failed ? SpanStatusCode.ERROR : SpanStatusCode.UNSET };
  }

  get startTime(): HrTime {
    return hrTime(this.startMs);
  }

  get endTime(): HrTime {
    return hrTime(this.endMs);
  }

  get duration(): HrTime {
    return hrTime(this.endMs - this.startMs);
  }
}

/** Seconds, and what is left of them in nanoseconds. */
export function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.floor((ms - seconds * 1000) * 1e6)];
}
