import { PlainBytes } from './plain-bytes.ts';

/** Where a value stands in a JSON text: bytes [start, end). */
export interface ValueSpan {
  start: number;
  end: number;
}

/** The text is not JSON (RFC 8259), or nested too deep; the message tells the byte where it showed. */
export class JsonSyntaxError extends Error {
  override name = 'JsonSyntaxError';
}

/**
 * Deeper texts are refused: no client needs them, Python's reader fails beyond about a thousand levels,
 * and keeping book of millions of open brackets would take more memory than the text.
 */
export const deepestNesting = 512;

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/**
 * Finds top-level members of a JSON object without making an object of it: one pass over the bytes,
 * no recursion, nothing copied. The whole text is checked; what JSON.parse refuses is refused.
 * Of duplicate keys the last wins, as in JSON.parse.
 * @param text UTF-8
 * @param keys the members wanted; escapes in the text's keys are resolved before comparing
 * @returns a span for each key found, or undefined when the text is JSON but not an object
 * @throws JsonSyntaxError
 */
export function scanTopLevel<K extends string>(
  text: Buffer,
  keys: readonly K[],
): Map<K, ValueSpan> | undefined {
  const scanner = new Scanner(text);
  const found = scanner.topLevel(keys);
  scanner.expectEnd();
  return found;
}

class Scanner {
  readonly #text: Buffer;
  readonly #plain: PlainBytes;
  #at = 0;

  constructor(text: Buffer) {
    this.#text = text;
    this.#plain = new PlainBytes(text);
  }

  topLevel<K extends string>(keys: readonly K[]): Map<K, ValueSpan> | undefined {
    if (this.#peek() !== openBrace) {
      this.#value();
      return undefined;
    }
    const found = new Map<K, ValueSpan>();
    this.#at++;
    if (this.#peek() === closeBrace) {
      this.#at++;
      return found;
    }
    while (true) {
      const key = this.#key(keys);
      this.#peek();
      const start = this.#at;
      this.#value();
      if (key !== undefined) found.set(key, { start, end: this.#at });
      const next = this.#peek();
      this.#at++;
      if (next === closeBrace) return found;
      if (next !== comma) this.#fail(-1);
    }
  }

  expectEnd(): void {
    if (this.#peek() !== undefined) this.#fail();
  }

  /** Reads a key and its colon; returns it when it is one of `keys`. */
  #key<K extends string>(keys: readonly K[]): K | undefined {
    if (this.#peek() !== quote) this.#fail();
    const start = this.#at;
    const escaped = this.#string();
    const end = this.#at;
    if (this.#peek() !== colon) this.#fail();
    this.#at++;
    if (escaped) {
      const name: unknown = JSON.parse(this.#text.toString('utf8', start, end));
      return keys.find((key) => key === name);
    }
    const length = end - start - 2;
    return keys.find(
      (key) => key.length === length && this.#text.toString('latin1', start + 1, end - 1) === key,
    );
  }

  /** Skips one value of any depth. */
  #value(): void {
    /** The closing byte of each container that is open. */
    const open: number[] = [];
    while (true) {
      const byte = this.#peek();
      if (byte === openBrace || byte === openBracket) {
        if (open.length === deepestNesting) {
          throw new JsonSyntaxError(
            `nested deeper than ${deepestNesting} levels at byte ${this.#at}`,
          );
        }
        const close = byte === openBrace ? closeBrace : closeBracket;
        this.#at++;
        if (this.#peek() === close) {
          this.#at++;
        } else {
          open.push(close);
          if (close === closeBrace) this.#key([]);
          continue;
        }
      } else {
        this.#scalar(byte);
      }
      if (!this.#closeAfterValue(open)) return;
    }
  }

  /** After a value: closes containers that end here. Returns whether another value follows. */
  #closeAfterValue(open: number[]): boolean {
    while (open.length > 0) {
      const next = this.#peek();
      this.#at++;
      if (next === open.at(-1)) {
        open.pop();
      } else if (next === comma) {
        if (open.at(-1) === closeBrace) this.#key([]);
        return true;
      } else {
        this.#fail(-1);
      }
    }
    return false;
  }

  #scalar(byte: number | undefined): void {
    if (byte === quote) this.#string();
    else if (byte === 0x74) this.#word('true');
    else if (byte === 0x66) this.#word('false');
    else if (byte === 0x6e) this.#word('null');
    else this.#number();
  }

  #word(word: string): void {
    if (this.#text.toString('latin1', this.#at, this.#at + word.length) !== word) this.#fail();
    this.#at += word.length;
  }

  #number(): void {
    if (this.#text[this.#at] === 0x2d) this.#at++;
    if (this.#text[this.#at] === 0x30) this.#at++;
    else this.#digits();
    if (this.#text[this.#at] === 0x2e) {
      this.#at++;
      this.#digits();
    }
    const exponent = this.#text[this.#at];
    if (exponent !== 0x65 && exponent !== 0x45) return;
    this.#at++;
    const sign = this.#text[this.#at];
    if (sign === 0x2b || sign === 0x2d) this.#at++;
    this.#digits();
  }

  #digits(): void {
    const start = this.#at;
    while (isDigit(this.#text[this.#at])) this.#at++;
    if (this.#at === start) this.#fail();
  }

  /** Skips a string; returns whether it holds escapes. */
  #string(): boolean {
    const text = this.#text;
    let at = this.#at + 1;
    let escaped = false;
    while (true) {
      at = this.#plain.endOfRun(at);
      const byte = text[at];
      if (byte === backslash) {
        escaped = true;
        at += this.#escape(at);
      } else if (byte === quote) {
        this.#at = at + 1;
        return escaped;
      } else {
        this.#at = at;
        this.#fail();
      }
    }
  }

  /** The length of the escape at `at`. */
  #escape(at: number): number {
    const kind = this.#text[at + 1];
    if (kind === 0x75) {
      for (let digit = at + 2; digit < at + 6; digit++) {
        if (!isHex(this.#text[digit])) {
          this.#at = digit;
          this.#fail();
        }
      }
      return 6;
    }
    if (kind === undefined || !'"\\/bfnrt'.includes(String.fromCharCode(kind))) {
      this.#at = at;
      this.#fail();
    }
    return 2;
  }

  /** Skips white space; the byte there, or undefined at the end. */
  #peek(): number | undefined {
    const text = this.#text;
    let byte = text[this.#at];
    while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) {
      byte = text[++this.#at];
    }
    return byte;
  }

  #fail(offset = 0): never {
    throw new JsonSyntaxError(`not valid JSON at byte ${this.#at + offset}`);
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function isHex(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  const lower = byte | 0x20;
  return isDigit(byte) || (lower >= 0x61 && lower <= 0x66);
}
