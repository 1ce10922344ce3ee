import type { ServerResponse } from 'node:http';
import type { RequestRecord } from '../../telemetry/request-record.ts';
import type { Target } from '../catalog/target.ts';
import type { Precedence } from '../hold/hold.ts';
import type { Asked } from '../openai/asked.ts';
import type { ModelEndpoint } from '../openai/endpoints.ts';
import type { ApiError } from '../openai/errors.ts';

/** A request that is ready to be sent to a replica. */
export interface RelayRequest {
  readonly endpoint: ModelEndpoint;
  /** Canonical path, with the client's query. */
  readonly path: string;
  readonly asked: Asked;
  readonly rawHeaders: readonly string[];
  /** As the client sent it; empty for a call without one. Let go once no retry can need it. */
  body: Buffer;
  readonly requestId: string;
  readonly response: ServerResponse;
  readonly record: RequestRecord;
  /** Where it may go, the model asked for first; asked anew before each attempt. */
  readonly targets: () => readonly Target[];
  /** Header pairs of the answer, whoever gives it; they win over the engine's of the same name. */
  readonly replyHeaders: readonly string[];
  /** The one replica that can answer; there is no retry elsewhere. */
  readonly onlyReplica?: string | undefined;
  /** Who goes first where requests have to wait: the higher; absent: 0. */
  readonly priority?: number | undefined;
  /** Whether it waits where replicas have as much as they can do; absent: it does not. */
  readonly precedence?: Precedence;
  /** What ties requests of one conversation together beside their prompts. */
  readonly sessionKey?: string | undefined;
  /** The tokens of this request must be known, whatever the configuration says. */
  readonly countTokens?: boolean | undefined;
  /** Sees the bytes of a 2xx answer's body. */
  readonly observe?: ((replicaId: string, chunk: Buffer) => void) | undefined;
  /** Answers the request when no replica did. */
  readonly refuse: (error: ApiError) => void;
  /** Logs what was thrown on the way, and tells what to answer then. */
  readonly fault: (thrown: unknown) => ApiError;
  /** Drops whatever else still holds the body. */
  readonly releaseBody: () => void;
}
