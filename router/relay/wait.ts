import type { Target } from '../catalog/target.ts';
import { type Hold, type HoldEnd, type HoldPlace, isHeld } from '../hold/hold.ts';
import type { ClientReply } from './client-reply.ts';
import type { Deadline } from './deadline-wheel.ts';
import type { Deadlines } from './deadlines.ts';
import type { RelayRequest } from './request.ts';

/** What waiting needs of what all requests share. */
export interface WaitDependencies {
  hold: Hold;
  deadlines: Deadlines;
}

/** How a wait ends; see {@link HoldEnd}. */
export interface WaitHandler {
  canGoElsewhere(): boolean;
  over(end: HoldEnd): void;
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
   * Begins to wait.
   * @param sinceMs when the request began to wait, for one that waits again
   * @returns `not_held`: requests do not wait for this model; `full`: too many wait
   */
  static begin(
    { hold, deadlines }: WaitDependencies,
    { model, adapter }: Target,
    request: RelayRequest,
    reply: ClientReply,
    sinceMs: number | undefined,
    handler: WaitHandler,
  ): Wait | 'not_held' | 'full' {
    if (!isHeld(model)) return 'not_held';
    const { record } = request;
    const why = `for a replica of ${model.servedName}`;
    const wait = new Wait(deadlines, request, reply, why);
    wait.#place = hold.enter(model, adapter, {
      priority: request.priority ?? 0,
      precedence: request.precedence,
      bytes: request.body.length,
      sinceMs,
      canGoElsewhere: handler.canGoElsewhere,
      over: (end) => {
        wait.#next?.cancel();
        record.released(queueOutcomes[end]);
        handler.over(end);
      },
    });
    if (!wait.#place) {
      record.released('rejected');
      return 'full';
    }
    record.held();
    if (isStream(request)) {
      wait.#next = deadlines.after(reply.head ? commentEveryMs : headAfterMs, () => wait.#tell());
    }
    return wait;
  }

  /** When the request began to wait. */
  get sinceMs(): number | undefined {
    return this.#place?.sinceMs;
  }

  /** The client has gone, or the request has ended otherwise; the handler is not told. */
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
