import { errorEvent } from '../openai/dialects.ts';
import type { ApiError } from '../openai/errors.ts';
import { StreamWatch, streamEndLength } from '../openai/stream-end.ts';
import type { ClientReply } from './client-reply.ts';
import type { Deadline } from './deadline-wheel.ts';
import type { Deadlines } from './deadlines.ts';
import type { RelayRequest } from './request.ts';
import type { ReplyHead } from './response-headers.ts';
import { UsageFilter } from './usage-filter.ts';

/** Proxies before us give up streams that are silent for a minute, some for half of it. */
const pingAfterMs = 15_000;
const ping = Buffer.from(': ping\n\n');

/** A replica's answer on its way to the client: its bytes, pings in its silence, and its end. */
export class Answer {
  readonly #request: RelayRequest;
  readonly #reply: ClientReply;
  readonly #head: ReplyHead;
  readonly #deadlines: Deadlines;
  readonly #observe: ((chunk: Buffer) => void) | undefined;
  readonly #filter: UsageFilter | undefined;
  readonly #watch: StreamWatch | undefined;
  #silence: (Deadline & { heard(): void }) | undefined;

  /**
   * Sends the head, unless the client has one since its request was held.
   * @param replicaId who answers
   * @param withoutUsage the client did not ask for the usage that the stream will end with
   */
  constructor(
    request: RelayRequest,
    reply: ClientReply,
    head: ReplyHead,
    options: { deadlines: Deadlines; replicaId: string; withoutUsage: boolean },
  ) {
    this.#request = request;
    this.#reply = reply;
    this.#head = head;
    this.#deadlines = options.deadlines;
    const isOk = head.status >= 200 && head.status < 300;
    const { observe } = request;
    this.#observe = isOk && observe ? (chunk) => observe(options.replicaId, chunk) : undefined;
    if (head.isEventStream) {
      this.#filter = isOk && options.withoutUsage ? new UsageFilter() : undefined;
      this.#watch = isOk ? new StreamWatch(request.endpoint.streamEnd) : undefined;
      if (head.contentLength === undefined) this.#awaitSilence();
    }
    if (!reply.head) reply.writeHead(head);
  }

  /** @returns false when the client is slower than the replica; `drained` is called once it is not */
  data(chunk: Buffer, drained: () => void): boolean {
    this.#silence?.heard();
    this.#request.record.data(chunk);
    this.#observe?.(chunk);
    this.#watch?.see(chunk);
    const bytes = this.#filter ? this.#filter.take(chunk) : chunk;
    return bytes.length === 0 || this.#reply.write(bytes, drained);
  }

  /**
   * The replica ended the answer.
   * @returns false when the answer lacks its own end: then it must be cut off
   */
  end(): boolean {
    if (!this.#isComplete()) return false;
    this.#finish();
    this.#reply.end();
    return true;
  }

  /** The replica broke off. */
  truncate(error: ApiError): void {
    this.#finish();
    const { endpoint, requestId } = this.#request;
    this.#reply.truncate(errorEvent(error, endpoint.dialect, requestId));
  }

  /** Nothing more goes to the client. */
  close(): void {
    this.#silence?.cancel();
  }

  /** A stream of events has come to its own end, however its connection ends. */
  get hasEndEvent(): boolean {
    return this.#watch?.isComplete(this.#request.record.lastBytes(streamEndLength)) ?? false;
  }

  #isComplete(): boolean {
    if (this.#watch) return this.hasEndEvent;
    // The end of a connection is a weak sign: a dead engine gives it too.
    if (!this.#head.isJson || !this.#head.isUntilClose) return true;
    return (
      this.#reply.bytesOut === 0 ||
      /[}\]]\s*$/.test(this.#request.record.lastBytes(streamEndLength))
    );
  }

  #finish(): void {
    this.close();
    const rest = this.#filter?.rest();
    if (rest?.length) this.#reply.write(rest, () => {});
  }

  #awaitSilence(): void {
    this.#silence = this.#deadlines.silence(pingAfterMs, () => {
      if (this.#reply.isBetweenEvents && !this.#reply.isBehind) this.#reply.write(ping, () => {});
      this.#awaitSilence();
    });
  }
}
