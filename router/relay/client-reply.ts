import { type ServerResponse, STATUS_CODES } from 'node:http';
import { type ApiError, errorBody } from '../openai/errors.ts';
import type { ReplyHead } from './response-headers.ts';

/** Writes one answer to a client, byte for byte, as fast as the client takes it. */
export class ClientReply {
  readonly #response: ServerResponse;
  #head: ReplyHead | undefined;
  #last: Buffer | undefined;
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
    this.#last = chunk;
    this.bytesOut += chunk.length;
    if (this.#response.write(chunk)) return true;
    this.#response.once('drain', drained);
    return false;
  }

  /** The answer is complete. */
  end(): void {
    this.#response.end();
  }

  /**
   * The engine broke off: an error event in a stream, and in any case an end that no client takes for
   * a complete answer. A framed body lacks its end, and the connection is closed only when all that was
   * written has gone out. A body that ends with its connection needs a reset instead.
   */
  truncate(error: ApiError): void {
    const { socket } = this.#response;
    if (!socket || this.gone) return;
    const framed = this.#head?.contentLength !== undefined || this.#response.chunkedEncoding;
    const close = () => (framed ? socket.destroySoon() : socket.resetAndDestroy());
    if (this.#head?.isEventStream && this.#head.contentLength === undefined) {
      const before = this.#last?.subarray(-2).toString('latin1') === '\n\n' ? '' : '\n\n';
      this.#response.write(`${before}data: ${errorBody(error)}\n\n`, close);
    } else {
      close();
    }
  }

  #flushHead(): void {
    const { socket } = this.#response;
    socket?.cork();
    this.#response.flushHeaders();
    if (socket) process.nextTick(() => socket.uncork());
  }
}
