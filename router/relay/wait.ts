import type { Balancer } from '../balance/balancer.ts';
import { type Hold, type HoldEnd, type HoldPlace, isHeld } from '../hold/hold.ts';
import type { ClientReply } from './client-reply.ts';
import type { Deadline } from './deadline-wheel.ts';
import type { Deadlines } from './deadlines.ts';
import { fitOf } from './place.ts';
import type { RelayRequest } from './request.ts';
import type { Route } from './route.ts';

/** What waiting needs of what all requests share. */
export interface WaitDependencies {
  hold: Hold;
  balancer: Balancer;
  deadlines: Deadlines;
}

/** Clients of streams are told after this that their request is held: proxies give up on silence. */
const headAfterMs = 1_000;
const commentEveryMs = 15_000;

/**
 * One request's wait for a replica. A client that asked for a stream gets its head and a comment after a
 * second, and comments from then on, which clients ignore; others wait without a byte.
 */
export class Wait {
  readonly #deadlines: Deadlines;
  readonly #request: RelayRequest;
  readonly #reply: ClientReply;
  readonly #comment: Buffer;
  #place: HoldPlace | undefined;
  #next: Deadline | undefined;

  private constructor(
    deadlines: Deadlines,
    request: RelayRequest,
    reply: ClientReply,
    why: string,
  ) {
    this.#deadlines = deadlines;
    this.#request = request;
    this.#reply = reply;
    this.#comment = Buffer.from(`: waiting ${why}\n\n`);
  }

  /**
   * Begins to wait for what the route leads to, where a replica may come.
   * @param over told once, unless the request leaves before
   * @returns `not_held`: nothing to wait for; `full`: too many wait
   */
  static begin(
    { hold, balancer, deadlines }: WaitDependencies,
    route: Route,
    request: RelayRequest,
    reply: ClientReply,
    over: (end: HoldEnd) => void,
  ): Wait | 'not_held' | 'full' {
    const target = route.worthWaitingFor();
    if (!target || !isHeld(target.model)) return 'not_held';
    const { model, adapter } = target;
    const { record } = request;
    const wait = new Wait(deadlines, request, reply, `for a replica of ${model.servedName}`);
    wait.#place = hold.enter(model, adapter, {
      priority: request.priority ?? 0,
      precedence: request.precedence,
      bytes: request.body.length,
      sinceMs: route.heldSinceMs,
      canGoElsewhere: () => route.canGoElsewhere(),
      fit: fitOf(balancer, request, target),
      over: (end) => {
        wait.#next?.cancel();
        record.released(queueOutcomes[end]);
        over(end);
      },
    });
    if (!wait.#place) {
      record.released('rejected');
      return 'full';
    }
    route.heldSinceMs = wait.#place.sinceMs;
    record.held();
    if (isStream(request)) {
      wait.#next = deadlines.after(reply.head ? commentEveryMs : headAfterMs, () => wait.#tell());
    }
    return wait;
  }

  /** The client has gone, or the request has ended otherwise. */
  leave(): void {
    this.#next?.cancel();
    this.#place?.leave();
  }

  #tell(): void {
    if (!this.#reply.head) this.#reply.writeHead(streamHead(this.#request));
    if (!this.#reply.isBehind) this.#reply.write(this.#comment, () => {});
    this.#next = this.#deadlines.after(commentEveryMs, () => this.#tell());
  }
}

const queueOutcomes = {
  room: 'dispatched',
  elsewhere: 'dispatched',
  deadline: 'timeout',
  hopeless: 'rejected',
} as const satisfies Record<HoldEnd, string>;

/** Whether the answer, if it is a good one, is a stream of events. */
function isStream({ asked, endpoint: { operation, method } }: RelayRequest): boolean {
  return asked.stream && method === 'POST' && streamed.has(operation);
}

const streamed: ReadonlySet<string> = new Set(['chat', 'text_completion']);

function streamHead({ requestId, replyHeaders }: RelayRequest) {
  const headers = [
    ...['x-request-id', requestId, ...replyHeaders],
    ...['content-type', 'text/event-stream; charset=utf-8'],
    ...['cache-control', 'no-cache', 'x-accel-buffering', 'no'],
  ];
  const kind = { isEventStream: true, isJson: false, isUntilClose: false };
  return { status: 200, headers, contentLength: undefined, ...kind };
}
