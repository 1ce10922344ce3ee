import type { AttemptOutcome, ErrorType, Operation, QueueOutcome } from './contract/values.ts';
import type { HeaderCarrier } from './propagation.ts';
import type { OperationAttributes } from './span-attributes.ts';

/** What the record of a request is told, in the order in which it happens. */

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
  /** LoRA adapter of the model. */
  adapter?: string | undefined;
  stream: boolean;
}

/** What a call's body says; read at once or never, so that nothing holds the body for long. */
export interface CallBody {
  /** Read only when the request is sampled. */
  parameters(): OperationAttributes;
  /** Read only where content is captured. */
  bytes: Buffer;
}

/** A replica that is asked. */
export interface AttemptTarget {
  /** Served name of its model; another one than was asked for is a fallback. */
  model?: string | undefined;
  /** Empty for an endpoint that is no pod. */
  pod: string;
  namespace: string;
  /** Its engine. */
  runtime?: string | undefined;
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

/** Told of one request's wait for a replica; the record of a request is one. */
export interface HoldObserver {
  /** The request waits from now on. */
  held(): void;
  /**
   * Its wait is over; `rejected` is told without `held` where the queue was full at once. A client that
   * goes, or any other end of the request, needs no call: the record's end is the wait's too.
   */
  released(outcome: QueueOutcome): void;
}
