import type { Attributes } from '@opentelemetry/api';
import {
  type AttemptOutcome,
  attributes,
  type ErrorType,
  type Operation,
  otherValue,
  type Phase,
  providerName,
} from './contract.ts';
import { errorTypeOf, outcomeOf } from './outcome.ts';
import { type ReplyFacts, ReplySample } from './reply-facts.ts';
import type { RequestTelemetry } from './request-telemetry.ts';
import { type HeaderCarrier, RequestSpans } from './spans.ts';

/** A request as it arrives. Times are milliseconds of the telemetry's monotonic clock. */
export interface RequestStart {
  requestId: string;
  method: string;
  /** The path without its query, which may hold anything. */
  path: string;
  /** The endpoint's own path, or `_OTHER`. */
  route: string;
  startMs: number;
  /** When the body was complete. */
  receivedMs: number;
  headers: HeaderCarrier;
  clientAddress?: string | undefined;
  httpVersion: string;
  bytesIn: number;
}

/** What a request asks of which model. */
export interface ModelCall {
  operation: Operation;
  /** A name of the catalog. Undefined: the client's own invention, which nothing may carry. */
  model: string | undefined;
  namespace?: string | undefined;
  stream: boolean;
}

/** A replica that is asked. */
export interface AttemptTarget {
  /** Served name of its model; another one than was asked for is a fallback. */
  model?: string | undefined;
  /** Empty for an endpoint that is no pod. */
  pod: string;
  namespace: string;
  revision: string;
  address: string;
  port: number;
  policy: string;
  /** Why this one. */
  reason: string;
  candidates: number;
  /** How much of the prompt it is expected to know, 0 … 1. */
  prefixMatchRatio?: number | undefined;
}

/** What came of an attempt. */
export interface AttemptEnd {
  outcome: AttemptOutcome;
  statusCode?: number | undefined;
  errorType?: ErrorType | undefined;
}

/** What the client saw. */
export interface RequestEnd {
  /** 0: nothing was sent. */
  status: number;
  errorType?: ErrorType | undefined;
  bytesOut: number;
}

/**
 * Collects what happens to one request and, at its end, tells it once to each of metrics, spans and
 * log. The calls come in order: call?, (attemptStarted, attemptEnded)*, firstByte?, end.
 */
export class RequestRecord {
  readonly #telemetry: RequestTelemetry;
  readonly #start: RequestStart;
  readonly #spans: RequestSpans | undefined;
  #call: ModelCall | undefined;
  #target: AttemptTarget | undefined;
  #attempts = 0;
  #attemptStartMs: number | undefined;
  #upstreamMs = 0;
  #firstByteMs: number | undefined;
  #sample: ReplySample | undefined;
  #facts: ReplyFacts | undefined;
  #tenant: string | undefined;
  #whenOver: ((facts: ReplyFacts | undefined, end: RequestEnd) => void) | undefined;
  #ended = false;

  constructor(telemetry: RequestTelemetry, start: RequestStart) {
    this.#telemetry = telemetry;
    this.#start = start;
    if (telemetry.tracing.enabled) {
      const startTime = new Date(Date.now() - (telemetry.nowMs() - start.startMs));
      const name = start.route === otherValue ? start.method : `${start.method} ${start.route}`;
      this.#spans = new RequestSpans(
        telemetry.tracing.tracer,
        name,
        start.headers,
        serverAttributes(start),
        startTime,
      );
    }
  }

  /** Who sends it is known. */
  from(tenant: string | undefined): void {
    this.#tenant = tenant;
  }

  /** @param told what the answer says of itself, and what the client saw; once, at the end */
  whenOver(told: (facts: ReplyFacts | undefined, end: RequestEnd) => void): void {
    this.#whenOver = told;
  }

  /** The model and operation are known. */
  call(call: ModelCall): void {
    this.#call = call;
    this.#telemetry.metrics.requestsInFlight.inc({ gen_ai_request_model: this.#model() });
    this.#spans?.startOperation(call.model ? `${call.operation} ${call.model}` : call.operation, {
      [attributes.operation]: call.operation,
      [attributes.provider]: providerName,
      [attributes.requestStream]: call.stream,
      ...optional(attributes.requestModel, call.model),
      ...optional(attributes.modelNamespace, call.namespace),
    });
  }

  /** A replica is asked. Returns the headers that continue the trace upstream; none when tracing is off. */
  attemptStarted(target: AttemptTarget): Record<string, string> | undefined {
    this.#countFallback(target.model);
    this.#target = target;
    this.#attempts++;
    this.#attemptStartMs = this.#telemetry.nowMs();
    this.#sample = undefined;
    this.#facts = undefined;
    return this.#spans?.startAttempt(this.#start.method, {
      'http.request.method': this.#start.method,
      'server.address': target.address,
      'server.port': target.port,
      'url.full': `http://${target.address}:${target.port}${this.#start.route}`,
      ...optional(attributes.backendPod, target.pod || undefined),
      [attributes.backendNamespace]: target.namespace,
      [attributes.backendRevision]: target.revision,
      [attributes.routePolicy]: target.policy,
      [attributes.routeReason]: target.reason,
      ...optional(attributes.routePrefixMatch, target.prefixMatchRatio),
      [attributes.routeCandidates]: target.candidates,
      ...(this.#attempts > 1 ? { 'http.request.resend_count': this.#attempts - 1 } : undefined),
    });
  }

  attemptEnded(end: AttemptEnd): void {
    this.#upstreamMs += this.#telemetry.nowMs() - (this.#attemptStartMs ?? 0);
    this.#attemptStartMs = undefined;
    this.#telemetry.metrics.upstreamAttempts.inc({
      gen_ai_request_model: this.#model(),
      outcome: end.outcome,
    });
    const errorType = errorTypeOf(end.statusCode ?? 0, end.errorType);
    this.#spans?.endAttempt(
      {
        ...optional('http.response.status_code', end.statusCode),
        ...optional(attributes.errorType, errorType),
      },
      errorType !== undefined,
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
    const errorType = errorTypeOf(end.status, end.errorType);
    const facts = this.facts();
    const durationMs = endMs - this.#start.startMs;
    const uploadMs = this.#start.receivedMs - this.#start.startMs;
    const ttftMs =
      this.#call?.stream && this.#firstByteMs !== undefined
        ? this.#firstByteMs - this.#start.startMs
        : undefined;
    const ids = this.#spans?.ids();
    const summary = {
      start: this.#start,
      end,
      call: this.#call,
      model: this.#model(),
      fallbackModel: this.#fallbackModel(),
      tenant: this.#tenant,
      target: this.#target,
      attempts: this.#attempts,
      outcome: outcomeOf(end.status, end.errorType),
      errorType,
      facts,
      durationMs,
      ttftMs,
      answerMs: this.#firstByteMs === undefined ? undefined : endMs - this.#firstByteMs,
      overheadMs: Math.max(0, durationMs - uploadMs - this.#upstreamMs),
      ids,
    };
    if (end.errorType === 'client_disconnected') {
      this.#telemetry.metrics.clientDisconnects.inc({
        gen_ai_request_model: summary.model,
        phase: this.phase(),
      });
    }
    this.#telemetry.report(summary);
    this.#whenOver?.(facts, end);
    const failed = errorType !== undefined;
    this.#spans?.endOperation(
      {
        ...operationAttributes(facts, this.#attempts, ttftMs, errorType, this.#target),
        ...optional(attributes.tenant, this.#tenant),
        ...optional(attributes.fallbackModel, summary.fallbackModel),
      },
      failed,
    );
    this.#spans?.endServer(
      {
        ...(end.status > 0 ? { 'http.response.status_code': end.status } : undefined),
        // By the HTTP conventions a 4xx alone is no error of the server's.
        ...optional(attributes.errorType, end.status < 500 ? end.errorType : errorType),
      },
      end.status >= 500 || end.errorType === 'stream_truncated',
    );
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

function serverAttributes(start: RequestStart): Attributes {
  const userAgent = start.headers['user-agent'];
  return {
    'http.request.method': start.method,
    'http.route': start.route,
    'url.path': start.path,
    'url.scheme': 'http',
    'network.protocol.version': start.httpVersion,
    [attributes.requestId]: start.requestId,
    ...optional('client.address', start.clientAddress),
    ...optional('user_agent.original', typeof userAgent === 'string' ? userAgent : undefined),
  };
}

function operationAttributes(
  facts: ReplyFacts | undefined,
  attempts: number,
  ttftMs: number | undefined,
  errorType: string | undefined,
  target: AttemptTarget | undefined,
): Attributes {
  return {
    [attributes.attempts]: attempts,
    ...optional('server.address', target?.address),
    ...optional('server.port', target?.port),
    ...optional(attributes.responseId, facts?.id),
    ...optional(attributes.responseModel, facts?.model),
    ...optional(
      attributes.finishReasons,
      facts?.finishReasons.length ? facts.finishReasons : undefined,
    ),
    ...optional(attributes.timeToFirstChunk, ttftMs === undefined ? undefined : ttftMs / 1000),
    ...optional(attributes.inputTokens, facts?.inputTokens),
    ...optional(attributes.outputTokens, facts?.outputTokens),
    ...optional(attributes.cachedTokens, facts?.cachedTokens),
    ...optional(attributes.errorType, errorType),
  };
}

function optional(key: string, value: Attributes[string]): Attributes | undefined {
  return value === undefined ? undefined : { [key]: value };
}
