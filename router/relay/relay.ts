import type { AttemptOutcome, ErrorType } from '../../telemetry/contract/values.ts';
import type { Placement } from '../balance/balancer.ts';
import type { Target } from '../catalog/target.ts';
import { Answer } from './answer.ts';
import type { AttemptListener } from './attempt.ts';
import { ClientReply } from './client-reply.ts';
import type { Deadline } from './deadline-wheel.ts';
import { EngineError } from './engine-error.ts';
import { isEngineDown } from './engine-state.ts';
import { type Failure, timeouts } from './failure.ts';
import { brokenOff, notReady, unanswered } from './refusals.ts';
import type { RelayRequest } from './request.ts';
import { type ReplyHead, replyHead } from './response-headers.ts';
import { decide, isRetriedStatus, verdictOf } from './retry.ts';
import { Route, type RouteDependencies, type Stop } from './route.ts';
import { Visit, type VisitDependencies } from './visit.ts';

/** What all requests share. */
export type RelayDependencies = RouteDependencies & VisitDependencies;

/**
 * Sends a request to the replica that the balancer chooses and its answer back, byte for byte. Before the
 * answer's first byte a failure is repaired on another replica; after it, never. When the client goes,
 * the replica's connection goes with it.
 */
export function relay(shared: RelayDependencies, request: RelayRequest): void {
  if (request.response.destroyed) {
    request.record.end({ status: 0, errorType: 'client_disconnected', bytesOut: 0 });
    return;
  }
  new Relay(shared, request).start();
}

class Relay implements AttemptListener {
  readonly #shared: RelayDependencies;
  readonly #request: RelayRequest;
  readonly #reply: ClientReply;
  readonly #route: Route;
  #total: Deadline | undefined;
  #visit: Visit | undefined;
  #answer: Answer | undefined;
  #engineError: EngineError | undefined;
  #wasLate = false;

  constructor(shared: RelayDependencies, request: RelayRequest) {
    this.#shared = shared;
    this.#request = request;
    this.#route = new Route(shared, request);
    this.#reply = new ClientReply(request.response);
    this.#reply.onGone(() => this.#clientGone());
  }

  start(): void {
    const model = this.#request.targets()[0]?.model;
    const { budgets, deadlines } = this.#shared;
    if (model) {
      budgets.earn(model.servedName);
      const { totalMs } = model.routing.timeouts;
      this.#total = deadlines.after(totalMs, () => this.#fail(timeouts.total));
    }
    const stop = this.#route.next();
    if (stop) this.#go(stop);
    else this.#refuse();
  }

  head(status: number, rawHeaders: readonly (string | Buffer)[]): void {
    this.#visit?.health.verdict(verdictOf(status));
    const retry = isRetriedStatus(status) && this.#route.next(this.#visit?.replica);
    if (retry) {
      this.#retry(retry, status);
      return;
    }
    const head = replyHead(
      status,
      rawHeaders,
      this.#visit?.replyHeaders(isRetriedStatus(status)) ?? [],
    );
    this.#engineError = EngineError.of(head);
    if (!this.#engineError) this.#begin(head);
  }

  data(chunk: Buffer): boolean {
    const held = this.#engineError;
    if (held?.add(chunk)) return true;
    if (held) {
      this.#engineError = undefined;
      this.#begin(held.head);
      return this.#write(held.body);
    }
    return this.#write(chunk);
  }

  end(): void {
    if (this.#engineError && !this.#endError(this.#engineError)) return;
    if (!this.#answer?.end()) {
      this.#truncate();
      return;
    }
    const { status } = this.#reply;
    this.#leave(status < 400 ? 'ok' : 'status', status);
    this.#over(undefined);
  }

  failed(failure: Failure): void {
    const visit = this.#visit;
    if (!visit) return;
    if (this.#reply.head) {
      if (this.#answer?.hasEndEvent) this.end();
      else this.#truncate(failure);
      return;
    }
    this.#engineError = undefined;
    const decision = decide(failure, visit.attempt.wasIdleRace, visit.isFresh, this.#wasLate);
    if (failure.label === 'timeout_headers') this.#wasLate = true;
    if (decision !== 'fresh' && failure.label !== '_OTHER') visit.health.verdict('failed');
    this.#leave('failed', undefined, failure.label, decision === 'fresh');
    if (decision === 'fresh') {
      this.#request.record.retried('idle_connection');
      this.#send(visit.target, visit.placement, true);
      return;
    }
    const stop = decision === 'elsewhere' ? this.#route.next(visit.replica) : undefined;
    if (stop) {
      this.#request.record.retried(failure.label);
      this.#go(stop);
    } else this.#refuse(failure);
  }

  #go({ target, candidates }: Stop): void {
    const { body, asked, sessionKey = asked.sessionKey } = this.#request;
    const { model, adapter } = target;
    const placement = this.#shared.balancer.place(
      { model: model.servedName, adapter, body, promptSpans: asked.promptSpans, sessionKey },
      model.routing.policy,
      candidates,
    );
    if (placement) this.#send(target, placement, false);
    else this.#refuse();
  }

  #send(target: Target, placement: Placement, isFresh: boolean): void {
    const to = { target, placement, isFresh };
    this.#visit = new Visit(this.#shared, this.#request, to, this);
    this.#visit.send();
  }

  /** Leaves a replica's bad answer for another replica's. */
  #retry(stop: Stop, status: number): void {
    this.#visit?.attempt.abort();
    this.#leave('status', status);
    this.#request.record.retried(String(status));
    this.#go(stop);
  }

  /** From here on the answer is this replica's, whatever comes. */
  #begin(head: ReplyHead): void {
    const { replica, addedUsage = false } = this.#visit ?? {};
    const { deadlines } = this.#shared;
    this.#request.body = Buffer.alloc(0);
    this.#request.releaseBody();
    const options = { deadlines, replicaId: replica?.id ?? '', withoutUsage: addedUsage };
    this.#answer = new Answer(this.#request, this.#reply, head, options);
  }

  #write(chunk: Buffer): boolean {
    this.#visit?.placement.firstByte();
    return this.#answer?.data(chunk, () => this.#visit?.attempt.resume()) ?? true;
  }

  /** @returns false when another replica is asked instead */
  #endError(held: EngineError): boolean {
    this.#engineError = undefined;
    const { status } = held.head;
    let { head, body } = held.reshaped(this.#request.endpoint.dialect);
    if (status === 500 && isEngineDown(held.body.toString())) {
      this.#visit?.health.verdict('failed');
      const stop = this.#route.next(this.#visit?.replica);
      if (stop) {
        this.#retry(stop, status);
        return false;
      }
      head = { ...head, headers: [...head.headers, 'x-should-retry', 'false'] };
    }
    this.#begin(head);
    this.#write(body);
    return true;
  }

  /** A deadline of the request itself has passed. */
  #fail(failure: Failure): void {
    this.#visit?.attempt.abort();
    if (this.#reply.head) {
      this.#truncate(failure);
      return;
    }
    this.#leave('failed', undefined, failure.label);
    this.#refuse(failure);
  }

  #truncate(failure?: Failure): void {
    const error = brokenOff(failure);
    const label = error.kind.label ?? 'stream_truncated';
    if (label !== 'timeout_total') this.#visit?.health.verdict('failed');
    this.#leave('truncated', this.#reply.status, label);
    this.#answer?.truncate(error);
    this.#over(label);
  }

  #refuse(failure?: Failure): void {
    this.#total?.cancel();
    this.#request.refuse(
      failure ? unanswered(failure) : notReady(this.#request.targets()[0]?.model),
    );
  }

  #clientGone(): void {
    // After truncate() the connection is closed by us.
    if (!this.#visit) return;
    this.#visit.attempt.abort();
    this.#leave('cancelled', this.#reply.status || undefined, 'client_disconnected');
    this.#over('client_disconnected');
  }

  /** The attempt is over; its place is given back unless the same replica is asked again. */
  #leave(
    outcome: AttemptOutcome,
    statusCode?: number,
    errorType?: ErrorType,
    isAskedAgain = false,
  ): void {
    const { record } = this.#request;
    this.#visit?.health.end();
    if (!isAskedAgain) this.#visit?.placement.release(record.facts());
    this.#visit = undefined;
    record.attemptEnded({ outcome, statusCode, errorType });
  }

  #over(errorType: ErrorType | undefined): void {
    this.#total?.cancel();
    this.#answer?.close();
    const { status, bytesOut } = this.#reply;
    this.#request.record.end({ status, errorType, bytesOut });
  }
}
