import type { Dialect } from '../openai/dialects.ts';
import { reshapedError } from './error-shape.ts';
import { type ReplyHead, withLength } from './response-headers.ts';

/** An error is short; what is longer goes on as it is. */
const longest = 64 * 1024;

/** An engine's error answer, held until it is complete, because what it says decides what is done. */
export class EngineError {
  readonly head: ReplyHead;
  readonly #chunks: Buffer[] = [];
  #length = 0;

  private constructor(head: ReplyHead) {
    this.head = head;
  }

  /** @returns undefined for an answer that is no error, or none that could be read */
  static of(head: ReplyHead): EngineError | undefined {
    const isShort = (head.contentLength ?? 0) <= longest;
    return head.status >= 400 && head.isJson && isShort ? new EngineError(head) : undefined;
  }

  /** @returns false when it has become too long to be held */
  add(chunk: Buffer): boolean {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    return this.#length <= longest;
  }

  get body(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** The answer in the shape that the dialect's clients know; as it came where it has it already. */
  reshaped(dialect: Dialect): { head: ReplyHead; body: Buffer } {
    const { head, body } = this;
    const text = reshapedError(head.status, body.toString(), dialect);
    if (text === undefined) return { head, body };
    const changed = Buffer.from(text);
    return { head: withLength(head, changed.length), body: changed };
  }
}
