import { randomBytes } from 'node:crypto';
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
  readonly resource: ReadableSpan['resource'];
  readonly instrumentationScope: ReadableSpan['instrumentationScope'];
  readonly name: string;
  readonly kind: SpanKind;
  readonly parentSpanContext?: SpanContext;
  readonly startTime: HrTime;
  readonly links = none;
  readonly events = none;
  readonly droppedAttributesCount = 0;
  readonly droppedEventsCount = 0;
  readonly droppedLinksCount = 0;
  endTime: HrTime = [0, 0];
  status: ReadableSpan['status'] = { code: SpanStatusCode.UNSET };
  ended = false;
  readonly #context: SpanContext;
  readonly #begun: object | undefined;
  #ended: object | undefined;

  /** @param begun attributes known at the start; what is undefined is absent */
  constructor(
    { resource, instrumentationScope }: SpanOrigin,
    about: { name: string; kind: SpanKind; startTime: HrTime },
    context: SpanContext,
    parent: SpanContext | undefined,
    begun?: object,
  ) {
    this.resource = resource;
    this.instrumentationScope = instrumentationScope;
    this.name = about.name;
    this.kind = about.kind;
    this.startTime = about.startTime;
    this.#context = context;
    if (parent) this.parentSpanContext = parent;
    this.#begun = begun;
  }

  /** @param attributes those known at the end; none of them was known at the start */
  end(attributes: object, endTime: HrTime, failed: boolean): void {
    this.#ended = attributes;
    this.endTime = endTime;
    if (failed) this.status = { code: SpanStatusCode.ERROR };
    this.ended = true;
  }

  spanContext(): SpanContext {
    return this.#context;
  }

  /** The attributes in two parts, with undefined ones among them: to merge them costs more than to write them. */
  attributeParts(): [begun: Attributes | undefined, ended: Attributes | undefined] {
    return [this.#begun as Attributes | undefined, this.#ended as Attributes | undefined];
  }

  get attributes(): Attributes {
    const given = Object.entries({ ...this.#begun, ...this.#ended });
    return Object.fromEntries(given.filter(([, value]) => value !== undefined));
  }

  get duration(): HrTime {
    const seconds = this.endTime[0] - this.startTime[0];
    const nanos = this.endTime[1] - this.startTime[1];
    return nanos < 0 ? [seconds - 1, nanos + 1e9] : [seconds, nanos];
  }
}

/** Of a span below `parent`, of the same trace and as sampled as that. */
export function childContext({ traceId, traceFlags, traceState }: SpanContext): SpanContext {
  return { traceId, spanId: newSpanId(), traceFlags, ...(traceState && { traceState }) };
}

/** Digits for many ids: to ask for those of one costs as much as for all. */
let digits = '';
let used = 0;
const idDigits = 16;

function newSpanId(): string {
  if (used === digits.length) {
    digits = randomBytes(4_096).toString('hex');
    used = 0;
  }
  used += idDigits;
  return digits.slice(used - idDigits, used);
}
