const [quote, backslash] = [0x22, 0x5c];
const [openBrace, closeBrace, openBracket, closeBracket, comma] = [0x7b, 0x7d, 0x5b, 0x5d, 0x2c];

/**
 * Takes the body of a list in chunks and tells each item as soon as it is whole, so that the text of thousands
 * of objects is never held at once. Of a list's own fields only `items` is an array (meta/v1 List).
 */
export class ListDecoder {
  readonly #onItem: (item: string) => void;
  /** Of the item that has begun, or of all that is no item. */
  #parts: Buffer[] = [];
  #around = '';
  #depth = 0;
  #isInItems = false;
  #isInString = false;
  /** The last byte before this chunk began an escape. */
  #isEscaped = false;

  constructor(onItem: (item: string) => void) {
    this.#onItem = onItem;
  }

  /** @throws what `onItem` throws */
  push(chunk: Buffer): void {
    let start = 0;
    let at = 0;
    while (at < chunk.length) {
      if (this.#isInString) {
        at = this.#skipString(chunk, at);
        continue;
      }
      const byte = chunk[at++];
      if (byte === quote) this.#isInString = true;
      else if (byte === openBracket || byte === openBrace) {
        if (this.#isInItems && this.#depth === 2) {
          this.#around += this.#take(chunk, start, at - 1);
          start = at - 1;
        } else if (byte === openBracket && this.#depth === 1) this.#isInItems = true;
        this.#depth++;
      } else if (byte === closeBracket || byte === closeBrace) {
        this.#depth--;
        if (this.#isInItems && this.#depth === 2) {
          this.#onItem(this.#take(chunk, start, at));
          start = at;
        } else if (this.#isInItems && this.#depth === 1) this.#isInItems = false;
      } else if (byte === comma && this.#isInItems && this.#depth === 2) {
        // Between two items, of which nothing stays.
        start = at;
      }
    }
    if (start < chunk.length) this.#parts.push(chunk.subarray(start));
  }

  /** @returns the list without its items; @throws SyntaxError when it is not whole */
  end(): string {
    return this.#around + this.#take(Buffer.of(), 0, 0);
  }

  #take(chunk: Buffer, start: number, end: number): string {
    const last = chunk.subarray(start, end);
    const text = this.#parts.length === 0 ? last : Buffer.concat([...this.#parts, last]);
    this.#parts = [];
    return text.toString();
  }

  /** @returns where the string, or the chunk, ends */
  #skipString(chunk: Buffer, from: number): number {
    let at = from;
    if (this.#isEscaped) at++;
    this.#isEscaped = false;
    for (; at < chunk.length; at++) {
      const byte = chunk[at];
      if (byte === quote) {
        this.#isInString = false;
        return at + 1;
      }
      if (byte === backslash && ++at === chunk.length) this.#isEscaped = true;
    }
    return chunk.length;
  }
}
