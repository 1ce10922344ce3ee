import type { ServerResponse } from 'node:http';
import type { AttemptOutcome, ErrorType } from '../../telemetry/contract.ts';
import type { RequestRecord } from '../../telemetry/request-record.ts';
import type { Balancer, Placement } from '../balance/balancer.ts';
import type { Model, Replica } from '../catalog/model.ts';
import type { ModelEndpoint } from '../openai/endpoints.ts';
import { ApiError } from '../openai/errors.ts';
import { Attempt, type AttemptListener } from './attempt.ts';
import { ClientReply } from './client-reply.ts';
import { type Failure, failureOf } from './failure.ts';
import { requestHeaders } from './request-headers.ts';
import { type ReplyHead, replyHead } from './response-headers.ts';
import { decide } from './retry.ts';
import { isCompleteStream, streamEndLength } from './stream-end.ts';
import type { Upstreams } from './upstreams.ts';

/** A request that is ready to be sent to a replica. */
export interface RelayRequest {
  readonly endpoint: ModelEndpoint;
  /** Path and query to ask the engine at. */
  readonly target: string;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  readonly requestId: string;
  readonly response: ServerResponse;
  readonly record: RequestRecord;
  /** The model as it is now; asked anew before each attempt. */
  readonly model: () => Model | undefined;
}

/** What all requests share. */
export interface RelayDependencies {
  upstreams: Upstreams;
  balancer: Balancer;
  /** How many other replicas a request may be sent to after the first. */
  retries: number;
  /** Answers a request that got no answer from any replica. */
  refuse: (request: RelayRequest, error: ApiError) => void;
}

/**
 * Sends a request to the replica that the balancer chooses and its answer back, byte for byte. Before the
 * answer's first byte a failure is repaired on another replica; after it, never. When the client goes,
 * the engine's connection goes with it.
 */
export function relay(dependencies: RelayDependencies, request: RelayRequest): void {
  if (request.response.destroyed) {
    request.record.end({ status: 0, errorType: 'client_disconnected', bytesOut: 0 });
    return;
  }
  new Relay(dependencies, request).tryNext();
}

class Relay implements AttemptListener {
  readonly #shared: RelayDependencies;
  readonly #request: RelayRequest;
  readonly #reply: ClientReply;
  /** Replicas that failed this request. */
  readonly #failed = new Set<string>();
  #retriesLeft: number;
  #placement: Placement | undefined;
  #attempt: Attempt | undefined;
  #freshTried = false;

  constructor(shared: RelayDependencies, request: RelayRequest) {
    this.#shared = shared;
    this.#request = request;
    this.#retriesLeft = shared.retries;
    this.#reply = new ClientReply(request.response);
    this.#reply.onGone(() => this.#clientGone());
  }

  /** Sends the request to a replica that has not failed it. */
  tryNext(lastFailure?: Failure): void {
    const candidates = this.#candidates();
    const { body, endpoint, model } = this.#request;
    const placement = this.#shared.balancer.place(
      { model: model()?.servedName ?? '', body, operation: endpoint.operation },
      'LeastLoad',
      candidates,
    );
    if (!placement) {
      this.#refuse(lastFailure);
      return;
    }
    this.#placement = placement;
    this.#freshTried = false;
    this.#send(placement, false);
  }

  head(status: number, rawHeaders: readonly (string | Buffer)[]): void {
    if (status >= 500 && this.#decide(status, false) === 'elsewhere') {
      this.#attempt?.abort();
      this.#attemptEnded('status', status);
      this.#retryElsewhere(String(status));
      return;
    }
    this.#reply.writeHead(replyHead(status, rawHeaders, this.#request.requestId));
  }

  data(chunk: Buffer): boolean {
    this.#placement?.firstByte();
    this.#request.record.data(chunk);
    return this.#reply.write(chunk, () => this.#attempt?.resume());
  }

  end(): void {
    const { head } = this.#reply;
    if (head && this.#isCutOff(head)) {
      this.#truncated();
      return;
    }
    const ok = this.#reply.status < 400;
    this.#attemptEnded(ok ? 'ok' : 'status', this.#reply.status);
    this.#reply.end();
    this.#over(undefined);
  }

  failed(error: Error): void {
    if (this.#reply.head) {
      this.#truncated();
      return;
    }
    const failure = failureOf(error);
    const decision = this.#decide(undefined, failure.label === '_OTHER');
    if (decision === 'fresh' && this.#placement) {
      const { record } = this.#request;
      record.attemptEnded({ outcome: 'failed', errorType: failure.label });
      record.retried('idle_connection');
      this.#freshTried = true;
      this.#send(this.#placement, true);
      return;
    }
    this.#attemptEnded('failed', undefined, failure.label);
    if (decision === 'elsewhere') this.#retryElsewhere(failure.label, failure);
    else this.#refuse(failure);
  }

  #candidates(): readonly Replica[] {
    const replicas = this.#request.model()?.replicas ?? [];
    return this.#failed.size === 0 ? replicas : replicas.filter(({ id }) => !this.#failed.has(id));
  }

  #send({ replica, policy, candidates }: Placement, fresh: boolean): void {
    const { endpoint, target, rawHeaders, requestId, body, record } = this.#request;
    const trace = record.attemptStarted({
      pod: replica.pod,
      namespace: replica.namespace,
      revision: replica.revision,
      address: replica.host,
      port: replica.port,
      policy,
      candidates,
    });
    this.#attempt = new Attempt(this);
    this.#shared.upstreams.dispatch(
      replica,
      {
        path: target,
        method: endpoint.method,
        headers: requestHeaders(rawHeaders, requestId, trace),
        body,
        // Two requests on one connection would make one wait for the other.
        blocking: true,
      },
      this.#attempt,
      fresh,
    );
  }

  #decide(status: number | undefined, hopeless: boolean): ReturnType<typeof decide> {
    const others = this.#candidates().filter(({ id }) => id !== this.#placement?.replica.id).length;
    const reusedSocket = this.#attempt?.reusedSocket ?? false;
    const result = { status, reusedSocket, freshTried: this.#freshTried, hopeless };
    return decide(result, this.#retriesLeft, others);
  }

  #retryElsewhere(reason: string, failure?: Failure): void {
    this.#retriesLeft--;
    this.#request.record.retried(reason);
    this.tryNext(failure);
  }

  /** An event stream without its engine's own end. Answers to other requests have other ends. */
  #isCutOff(head: ReplyHead): boolean {
    return (
      head.isEventStream &&
      head.status === 200 &&
      this.#request.endpoint.streamEnd === 'done-marker' &&
      !isCompleteStream(this.#request.record.lastBytes(streamEndLength))
    );
  }

  #truncated(): void {
    this.#attemptEnded('truncated', this.#reply.status, 'stream_truncated');
    const message = 'The model’s replica broke off in the middle of this answer.';
    this.#reply.truncate(new ApiError('stream_truncated', message));
    this.#over('stream_truncated');
  }

  #refuse(failure: Failure | undefined): void {
    this.#shared.refuse(this.#request, this.#errorFor(failure));
  }

  #errorFor(failure: Failure | undefined): ApiError {
    if (!failure) return notReady(this.#request.model());
    const message = `No replica could answer: ${failure.reason}.`;
    return new ApiError(failure.label === '_OTHER' ? 'invalid_request' : 'replica_failed', message);
  }

  #clientGone(): void {
    // After truncate() the connection is closed by us.
    if (!this.#placement) return;
    this.#attempt?.abort();
    this.#attemptEnded('cancelled', this.#reply.status || undefined, 'client_disconnected');
    this.#over('client_disconnected');
  }

  #attemptEnded(outcome: AttemptOutcome, statusCode?: number, errorType?: ErrorType): void {
    if (outcome !== 'ok' && this.#placement) this.#failed.add(this.#placement.replica.id);
    this.#placement?.release();
    this.#placement = undefined;
    this.#request.record.attemptEnded({ outcome, statusCode, errorType });
  }

  #over(errorType: ErrorType | undefined): void {
    const { status, bytesOut } = this.#reply;
    this.#request.record.end({ status, errorType, bytesOut });
  }
}

/** The error for a model that no replica can serve now, with the operator's reason if there is one. */
function notReady(model: Model | undefined): ApiError {
  const why = model?.notReadyMessage ? `: ${model.notReadyMessage}` : '.';
  return new ApiError(
    'no_ready_replica',
    `The model ${model?.servedName ?? ''} has no ready replica${why}`,
    'model',
  );
}
