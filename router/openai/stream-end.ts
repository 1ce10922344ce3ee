/** How an engine tells that a stream of events is complete. */
export type StreamEnd =
  | 'done-marker'
  | 'response-event'
  | 'message-stop'
  | 'audio-event'
  | 'image-event';

/** How many of a stream's last characters {@link StreamWatch.isComplete} wants. */
export const streamEndLength = 512;

/**
 * The events that end a stream, beside `data: [DONE]` and an error event, after which engines send
 * nothing more. vLLM and llama.cpp end Responses without `[DONE]`.
 */
const endingEvents: Readonly<Record<StreamEnd, string | undefined>> = {
  'done-marker': undefined,
  'response-event': 'response\\.(?:completed|failed|incomplete)',
  'message-stop': 'message_stop',
  'audio-event': '(?:transcript\\.text|speech\\.audio)\\.done',
  'image-event': 'image_(?:generation|edit)\\.completed',
};

/** An ending event's head can be far from the stream's end: the event may hold the whole answer. */
const headLength = 80;

/** Sees a stream of events go by and judges at its end whether the engine ended it. */
export class StreamWatch {
  readonly #ending: RegExp | undefined;
  #carry = '';
  #endingSeen = false;

  constructor(end: StreamEnd) {
    const events = endingEvents[end];
    // A line of its own; inside of a JSON string there is no line end.
    this.#ending =
      events === undefined
        ? undefined
        : new RegExp(`(?:^|\\n)(?:event: ?${events}\\r?\\n|data: ?\\{"type": ?"${events}")`);
  }

  /** Takes the next bytes. */
  see(chunk: Buffer): void {
    if (!this.#ending || this.#endingSeen) return;
    const text = this.#carry + chunk.toString('latin1');
    this.#endingSeen = this.#ending.test(text);
    this.#carry = text.slice(-headLength);
  }

  /** @param tail the last {@link streamEndLength} bytes of the stream, as latin1 */
  isComplete(tail: string): boolean {
    if (this.#endingSeen && /\n\r?\n$/.test(tail)) return true;
    if (/(?:^|\n)data: ?\[DONE\]\s*$/.test(tail)) return true;
    const lastEvent =
      tail
        .trimEnd()
        .split(/\r?\n\r?\n/)
        .at(-1) ?? '';
    return /(?:^|\n)(?:data: ?\{"error"|error:|event: ?error)/.test(lastEvent);
  }
}
