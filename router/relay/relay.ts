import type { AttemptOutcome, ErrorType } from '../../telemetry/contract/values.ts';
import type { Placement } from '../balance/balancer.ts';
import type { Model } from '../catalog/model.ts';
import type { Target } from '../catalog/target.ts';
import type { DemandLedger } from '../demand/ledger.ts';
import type { HoldEnd } from '../hold/hold.ts';
import { errorEvent, eventOf } from '../openai/dialects.ts';
import type { ApiError } from '../openai/errors.ts';
import { Answer } from './answer.ts';
import { ClientReply } from './client-reply.ts';
import type { Deadline } from './deadline-wheel.ts';
import { EngineError } from './engine-error.ts';
import { isEngineDown } from './engine-state.ts';
import { type Failure, timeouts } from './failure.ts';
import { type CrashableListener, GuardedListener } from './guarded.ts';
import { placeAt } from './place.ts';
import {
  brokenOff,
  fullHold,
  noLongerHeld,
  notInStream,
  notReady,
  unanswered,
  waitedTooLong,
} from './refusals.ts';
import type { RelayRequest } from './request.ts';
import { isStream, type ReplyHead, replyHead } from './response-headers.ts';
import { decide, isRetriedStatus, verdictOf } from './retry.ts';
import { Route, type RouteDependencies, type Stop } from './route.ts';
import { Visit, type VisitDependencies } from './visit.ts';
import { Wait } from './wait.ts';

/** What all requests share. */
export type RelayDependencies = RouteDependencies & VisitDependencies & { ledger: DemandLedger };

/**
 * Sends a request to the replica that the balancer chooses and its answer back, byte for byte. Where no
 * replica is ready the request waits for one. Before the answer's first byte a failure is repaired on another
 * replica; after it, never. When the client goes, the replica's connection goes with it. What is thrown on
 * the way is answered with internal_error.
 */
export function relay(shared: RelayDependencies, request: RelayRequest): void {
  if (request.response.destroyed) {
    request.record.end({ status: 0, errorType: 'client_disconnected', bytesOut: 0 });
    return;
  }
  new Relay(shared, request).start();
}

class Relay implements CrashableListener {
  readonly #shared: RelayDependencies;
  readonly #request: RelayRequest;
  readonly #reply: ClientReply;
  readonly #route: Route;
  readonly #guarded: GuardedListener;
  #total: Deadline | undefined;
  #wait: Wait | undefined;
  #endStandIn: (() => void) | undefined;
  #visit: Visit | undefined;
  #answer: Answer | undefined;
  #engineError: EngineError | undefined;
  #wasLate = false;

  constructor(shared: RelayDependencies, request: RelayRequest) {
    this.#shared = shared;
    this.#request = request;
    this.#route = new Route(shared, request);
    this.#reply = new ClientReply(request.response);
    this.#guarded = new GuardedListener(this);
    this.#reply.onGone(() => this.#guard(() => this.#clientGone()));
  }

  start(): void {
    try {
      this.#start();
    } catch (thrown) {
      this.crashed(thrown);
    }
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
    if (this.#answer) {
      if (this.#answer.hasEndEvent) this.end();
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
    } else this.#stuck(failure);
  }

  /** Something on the way threw. */
  crashed(thrown: unknown): void {
    const error = this.#request.fault(thrown);
    const { response } = this.#request;
    try {
      this.#stopWaiting();
      this.#visit?.attempt.abort();
      if (this.#visit) this.#leave('failed', undefined, error.kind.label);
    } catch {
      // What threw once may throw again; the client is answered all the same.
      this.#visit = undefined;
    }
    try {
      if (this.#answer && !response.writableEnded) this.#answer.truncate(error);
      if (this.#answer) this.#over(error.kind.label);
      else this.#refuse(error);
    } catch {
      response.destroy();
    }
  }

  #start(): void {
    const model = this.#request.targets()[0]?.model;
    const { budgets, deadlines, ledger } = this.#shared;
    if (model) {
      ledger.arrived(model);
      budgets.earn(model.servedName);
      const { totalMs } = model.routing.timeouts;
      this.#total = deadlines.after(totalMs, () => this.#guard(() => this.#fail(timeouts.total)));
    }
    const stop = this.#route.next();
    if (stop) this.#go(stop);
    else this.#stuck();
  }

  #go(stop: Stop): void {
    const placement = placeAt(this.#shared.balancer, this.#request, stop);
    if (!placement) {
      this.#stuck();
      return;
    }
    this.#countStandIn(stop.target.model);
    this.#send(stop.target, placement, false);
  }

  #send(target: Target, placement: Placement, isFresh: boolean): void {
    const to = { target, placement, isFresh };
    this.#visit = new Visit(this.#shared, this.#request, to, this.#guarded);
    this.#visit.send();
  }

  /** Leaves a replica's bad answer for another replica's. */
  #retry(stop: Stop, status: number): void {
    this.#visit?.attempt.abort();
    this.#leave('status', status);
    this.#request.record.retried(String(status));
    this.#go(stop);
  }

  /** No replica can take the request now: it waits for one, where one may come, or is refused. */
  #stuck(failure?: Failure): void {
    const [target] = this.#request.targets();
    const over = (end: HoldEnd) => this.#guard(() => this.#waitOver(end));
    const wait = Wait.begin(this.#shared, this.#route, this.#request, this.#reply, over);
    if (wait === 'full') this.#refuse(fullHold(target?.model));
    else if (wait !== 'not_held') this.#wait = wait;
    else this.#refuse(failure ? unanswered(failure) : notReady(target));
  }

  #waitOver(end: HoldEnd): void {
    this.#wait = undefined;
    if (end === 'room') this.#route.waited();
    const stop = end === 'hopeless' ? undefined : this.#route.next();
    const [target] = this.#request.targets();
    if (stop) this.#go(stop);
    else if (end === 'deadline') this.#refuse(waitedTooLong(target?.model));
    else if (end === 'hopeless') this.#refuse(noLongerHeld(target, this.#request.asked.model));
    else this.#stuck();
  }

  /** Another model than the one asked for answers. */
  #countStandIn(model: Model): void {
    const asked = this.#request.targets()[0]?.model;
    if (this.#endStandIn || !asked || asked.servedName === model.servedName) return;
    this.#endStandIn = this.#shared.ledger.standIn(asked);
  }

  /** From here on the answer is this replica's, whatever comes. */
  #begin(head: ReplyHead): void {
    if (this.#reply.head && !isStream(head)) {
      this.#visit?.attempt.abort();
      this.#leave('status', head.status);
      this.#refuse(notInStream(head.status));
      return;
    }
    const { replica, addedUsage = false } = this.#visit ?? {};
    const { deadlines } = this.#shared;
    this.#request.body = Buffer.alloc(0);
    this.#request.releaseBody();
    const options = { deadlines, replicaId: replica?.id ?? '', withoutUsage: addedUsage };
    this.#answer = new Answer(this.#request, this.#reply, head, options);
  }

  #write(chunk: Buffer): boolean {
    this.#visit?.firstByte();
    return this.#answer?.data(chunk, () => this.#visit?.attempt.resume()) ?? true;
  }

  /** @returns false when another replica is asked instead, or the error went into a stream */
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
    const event = this.#reply.head && eventOf(body.toString(), this.#request.endpoint.dialect);
    if (event) {
      this.#leave('status', status);
      this.#endInStream(event, status < 500 ? 'invalid_request' : '_OTHER');
      return false;
    }
    this.#begin(head);
    this.#write(body);
    return true;
  }

  /** A deadline of the request itself has passed. */
  #fail(failure: Failure): void {
    this.#visit?.attempt.abort();
    if (this.#answer) {
      this.#truncate(failure);
      return;
    }
    this.#stopWaiting();
    if (this.#visit) this.#leave('failed', undefined, failure.label);
    this.#refuse(unanswered(failure));
  }

  #truncate(failure?: Failure): void {
    const error = brokenOff(failure);
    const label = error.kind.label ?? 'stream_truncated';
    if (label !== 'timeout_total') this.#visit?.health.verdict('failed');
    this.#leave('truncated', this.#reply.status, label);
    this.#answer?.truncate(error);
    this.#over(label);
  }

  #refuse(error: ApiError): void {
    const { endpoint, requestId } = this.#request;
    if (this.#reply.head) {
      this.#endInStream(errorEvent(error, endpoint.dialect, requestId), error.kind.label);
      return;
    }
    this.#settle();
    this.#request.refuse(error);
  }

  /** The client was told that its request is held, so that all it can be told now is an event. */
  #endInStream(event: string, errorType: ErrorType | undefined): void {
    this.#reply.truncate(event);
    this.#over(errorType);
  }

  #guard(step: () => void): void {
    try {
      step();
    } catch (thrown) {
      this.crashed(thrown);
    }
  }

  #clientGone(): void {
    // After truncate() the connection is closed by us.
    if (!this.#visit && !this.#wait) return;
    this.#stopWaiting();
    this.#visit?.attempt.abort();
    if (this.#visit) {
      this.#leave('cancelled', this.#reply.status || undefined, 'client_disconnected');
    }
    this.#over('client_disconnected');
  }

  #leave(
    outcome: AttemptOutcome,
    statusCode?: number,
    errorType?: ErrorType,
    isAskedAgain = false,
  ): void {
    const visit = this.#visit;
    this.#visit = undefined;
    visit?.end({ outcome, statusCode, errorType }, isAskedAgain);
  }

  #stopWaiting(): void {
    this.#wait?.leave();
    this.#wait = undefined;
  }

  #over(errorType: ErrorType | undefined): void {
    this.#settle();
    this.#answer?.close();
    const { status, bytesOut } = this.#reply;
    this.#request.record.end({ status, errorType, bytesOut });
  }

  /** What runs beside the request ends with it. */
  #settle(): void {
    this.#total?.cancel();
    this.#endStandIn?.();
    this.#endStandIn = undefined;
  }
}
