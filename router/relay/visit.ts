import type { AttemptEnd } from '../../telemetry/request-events.ts';
import type { Placement } from '../balance/balancer.ts';
import type { CountedAttempt, RevisionAnswers } from '../canary/answers.ts';
import type { Replica } from '../catalog/model.ts';
import { pathAt } from '../catalog/origin.ts';
import type { Target } from '../catalog/target.ts';
import type { Ejections, WatchedAttempt } from '../ejection/ejections.ts';
import { Attempt, type AttemptListener } from './attempt.ts';
import type { Deadlines } from './deadlines.ts';
import type { RelayRequest } from './request.ts';
import { requestHeaders } from './request-headers.ts';
import { upstreamBody } from './upstream-body.ts';
import type { Upstreams } from './upstreams.ts';

/** What an attempt needs of what all requests share. */
export interface VisitDependencies {
  upstreams: Upstreams;
  deadlines: Deadlines;
  ejections: Ejections;
  answers: RevisionAnswers;
  /** Whether engines are asked to tell the tokens of every stream. */
  streamUsage: boolean;
}

/** Whom to ask. */
export interface Destination {
  readonly target: Target;
  readonly placement: Placement;
  /** Over a connection that served nobody before. */
  readonly isFresh: boolean;
}

/** One attempt at a replica: what is sent, the place taken, and who is told how it went. */
export class Visit implements Destination {
  readonly #request: RelayRequest;
  readonly #countTokens: boolean;
  readonly #counted: CountedAttempt | undefined;
  readonly target: Target;
  readonly placement: Placement;
  readonly isFresh: boolean;
  readonly attempt: Attempt;
  readonly health: WatchedAttempt;
  /** The engine is asked for the usage, which the client did not want. */
  addedUsage = false;

  constructor(
    shared: VisitDependencies,
    request: RelayRequest,
    { target, placement, isFresh }: Destination,
    listener: AttemptListener,
  ) {
    const { upstreams, ejections, answers, streamUsage } = shared;
    const { replica } = placement;
    const { model } = target;
    this.#request = request;
    this.#countTokens = !model.tellsTokens && (request.countTokens || streamUsage);
    this.target = target;
    this.placement = placement;
    this.isFresh = isFresh;
    this.health = ejections.begin(model, replica);
    this.#counted = answers.begin(model, replica);
    const connection = upstreams.take(replica, isFresh);
    this.attempt = new Attempt(shared, connection, model.routing.timeouts, listener);
  }

  get replica(): Replica {
    return this.placement.replica;
  }

  /** Sends the request. The listener may be told of a failure before this returns. */
  send(): void {
    const { record, path, endpoint, rawHeaders, requestId } = this.#request;
    const { replica, policy, reason, candidates, prefixMatchRatio, session } = this.placement;
    const { pod, namespace, revision, host: address, port, external } = replica;
    const trace = record.attemptStarted({
      model: this.target.model.servedName,
      ...{ pod, namespace, runtime: this.target.model.runtime, revision, address, port },
      ...{ policy, reason, candidates, prefixMatchRatio },
    });
    const { body, headers, addedUsage } = upstreamBody(
      this.#request,
      this.target,
      replica,
      this.#countTokens,
    );
    this.addedUsage = addedUsage;
    const own = [...headers, ...(session ? ['x-session-id', session] : [])];
    own.push(...(external?.headers ?? []));
    this.attempt.send({
      path: pathAt(replica, path),
      method: endpoint.method,
      headers: requestHeaders(rawHeaders, requestId, trace, own),
      body,
    });
  }

  /** The client gets the first byte. */
  firstByte(): void {
    this.placement.firstByte();
    this.#counted?.firstByte();
  }

  /** The attempt is over; its place is given back unless the same replica is asked again. */
  end(ended: AttemptEnd, isAskedAgain: boolean): void {
    const { record, asked } = this.#request;
    this.health.end();
    // What an idle connection lost says nothing of the replica.
    if (!isAskedAgain) {
      const facts = record.facts();
      this.placement.release(facts);
      this.#counted?.end({ ...ended, isStream: asked.stream, outputTokens: facts?.outputTokens });
    }
    record.attemptEnded(ended);
  }

  /**
   * Header pairs that the router adds to the replica's answer.
   * @param isLast no other replica can give a better one, so a client's own retry cannot help either
   */
  replyHeaders(isLast: boolean): string[] {
    const { requestId, replyHeaders, record } = this.#request;
    return [
      ...['x-request-id', requestId, ...replyHeaders],
      ...['x-fairlead-model', this.target.model.servedName],
      ...['openai-processing-ms', String(Math.round(record.elapsedMs()))],
      ...(isLast ? ['x-should-retry', 'false'] : []),
    ];
  }
}
