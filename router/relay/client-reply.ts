import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { ReplyHead } from './response-headers.ts';

/** Writes one answer to a client, byte for byte, as fast as the client takes it. */
export class ClientReply {
  readonly #response: ServerResponse;
  #head: ReplyHead | undefined;
  /** The last four bytes of the body as one number. */
  #tail = 0;
  /** Body bytes written. */
  bytesOut = 0;

  constructor(response: ServerResponse) {
    this.#response = response;
    // A write that meets a closed connection; `onGone` tells of it.
    response.on('error', () => {});
  }

  /** The status sent; 0 before that. */
  get status(): number {
    return this.#head?.status ?? 0;
  }

  /** What was sent as the head; undefined before that. */
  get head(): ReplyHead | undefined {
    return this.#head;
  }

  /** The client has closed its connection, or was cut off. */
  get gone(): boolean {
    return this.#response.destroyed;
  }

  /** The client has not yet taken all that was written. */
  get isBehind(): boolean {
    return this.#response.writableNeedDrain;
  }

  /** Whether nothing was written yet, or an event of a stream has just ended. */
  get isBetweenEvents(): boolean {
    const tail = this.#tail;
    const [lineFeeds, carriageReturns] = [0x0a0a, 0x0d0d];
    const two = tail & 0xffff;
    if (this.bytesOut === 0 || two === lineFeeds || two === carriageReturns) return true;
    // LF CR LF: a line end of either kind, then an empty line.
    return (tail & 0xffffff) === 0x0a0d0a;
  }

  /** @param gone called once when the client goes before the answer's end */
  onGone(gone: () => void): void {
    this.#response.once('close', () => {
      if (!this.#response.writableFinished) gone();
    });
  }

  writeHead(head: ReplyHead): void {
    this.#head = head;
    const { status, headers } = head;
    this.#response.writeHead(status, STATUS_CODES[status] ?? '', headers);
    // Clients begin to read a stream at its head; the first event goes with it if it is there.
    if (head.isEventStream) this.#flushHead();
  }

  /** @returns false when the client is slower than the engine; `drained` is called once it is not */
  write(chunk: Buffer, drained: () => void): boolean {
    this.#note(chunk);
    if (this.#response.write(chunk)) return true;
    this.#response.once('drain', drained);
    return false;
  }

  /** The answer is complete. */
  end(): void {
    this.#response.end();
  }

  /**
   * The engine broke off: an end that no client takes for a complete answer. A framed body lacks its end,
   * and the connection is closed only when all that was written has gone out. A body that ends with its
   * connection needs a reset instead.
   * @param event goes out before, where there is room for it
   */
  truncate(event: string): void {
    const { socket, req } = this.#response;
    if (this.gone) return;
    if (!socket) {
      // The answer to a request before this one on the connection is still under way; it goes too.
      req.socket.destroy();
      return;
    }
    const isFramed = this.#head?.contentLength !== undefined || this.#response.chunkedEncoding;
    const close = () => (isFramed ? socket.destroySoon() : socket.resetAndDestroy());
    if (!this.#head?.isEventStream || this.#head.contentLength !== undefined) {
      close();
      return;
    }
    this.#response.write(`${this.isBetweenEvents ? '' : '\n\n'}${event}`, close);
  }

  #note(chunk: Buffer): void {
    this.bytesOut += chunk.length;
    for (let at = Math.max(0, chunk.length - 4); at < chunk.length; at++) {
      this.#tail = ((this.#tail << 8) | (chunk[at] ?? 0)) >>> 0;
    }
  }

  #flushHead(): void {
    const { socket } = this.#response;
    socket?.cork();
    this.#response.flushHeaders();
    if (socket) process.nextTick(() => socket.uncork());
  }
}
