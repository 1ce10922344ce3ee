import { withRoom } from './bytes.ts';

const space = 0x20;
const quote = 0x22;
const backslash = 0x5c;
const tilde = 0x7e;
const point = 0x2e;
const zero = 0x30;
const [openList, comma, closeList, yes, no] = ['[', ',', ']', 'true', 'false'].map(
  (text): Uint8Array => Buffer.from(text),
) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];

/**
 * Writes JSON into bytes that are used again and again. Lines put together from strings leave some
 * hundred pieces of garbage each, and that is most of what a line costs (bench/telemetry). Everything is
 * ASCII; what is not is escaped.
 */
export class LineWriter {
  #bytes: Buffer = Buffer.allocUnsafe(64 * 1024);
  #at = 0;
  /** Keys of the last object, and `,"key":` of each: to search a key costs more than to compare it. */
  readonly #keys: string[] = [];
  readonly #prefixes: Uint8Array[] = [];

  get length(): number {
    return this.#at;
  }

  /** A few bytes as they are. */
  raw(from: Uint8Array): void {
    this.#reserve(from.length);
    this.#bytes.set(from, this.#at);
    this.#at += from.length;
  }

  /**
   * The fields of a flat object, behind one that is there already; undefined ones are left out.
   * @param fields objects whose keys, of ASCII, are the same in the same order are written fastest
   */
  fields(fields: Readonly<Record<string, unknown>>): void {
    let index = 0;
    for (const key in fields) {
      const known = this.#keys[index] === key ? this.#prefixes[index] : undefined;
      const prefix = known ?? this.#learn(index, key);
      const value = fields[key];
      if (value !== undefined) {
        this.raw(prefix);
        this.#value(value);
      }
      index++;
    }
  }

  /** Another kind of object comes: from this field on its keys count. @returns `,"key":` */
  #learn(index: number, key: string): Uint8Array {
    const prefix = Buffer.from(`,"${key}":`, 'latin1');
    this.#keys.splice(index, Number.POSITIVE_INFINITY, key);
    this.#prefixes.splice(index, Number.POSITIVE_INFINITY, prefix);
    return prefix;
  }

  #value(value: unknown): void {
    if (typeof value === 'string') this.#string(value);
    else if (typeof value === 'number') this.#number(value);
    else if (typeof value === 'boolean') this.raw(value ? yes : no);
    else if (Array.isArray(value)) this.#list(value);
    else this.#plain(JSON.stringify(value));
  }

  /** A copy of all that was written, which begins anew. */
  take(): Buffer {
    const bytes = Buffer.from(this.#bytes.subarray(0, this.#at));
    this.#at = 0;
    return bytes;
  }

  #list(values: readonly unknown[]): void {
    this.raw(openList);
    for (let index = 0; index < values.length; index++) {
      if (index > 0) this.raw(comma);
      this.#value(values[index]);
    }
    this.raw(closeList);
  }

  #string(text: string): void {
    const { length } = text;
    this.#reserve(length + 2);
    const bytes = this.#bytes;
    const start = this.#at + 1;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code < space || code > tilde || code === quote || code === backslash) {
        this.#plain(JSON.stringify(text).replace(/[\x7f-\uffff]/g, escaped));
        return;
      }
      bytes[start + index] = code;
    }
    bytes[start - 1] = quote;
    bytes[start + length] = quote;
    this.#at = start + length + 1;
  }

  /** Whole numbers and those with three decimals, which durations have, without a string. */
  #number(value: number): void {
    const thousandths = Math.round(value * 1000);
    if (!(value >= 0 && value < 1e9 && thousandths / 1000 === value)) {
      this.#plain(Number.isFinite(value) ? `${value}` : 'null');
      return;
    }
    this.#reserve(16);
    const whole = Math.floor(thousandths / 1000);
    this.#digits(whole, digitsOf(whole));
    let rest = thousandths - whole * 1000;
    if (rest === 0) return;
    let count = 3;
    for (; rest % 10 === 0; count--) rest /= 10;
    this.#bytes[this.#at++] = point;
    this.#digits(rest, count);
  }

  #digits(value: number, count: number): void {
    let rest = value;
    for (let at = this.#at + count - 1; at >= this.#at; at--) {
      this.#bytes[at] = zero + (rest % 10);
      rest = (rest / 10) | 0;
    }
    this.#at += count;
  }

  /** Text of ASCII as it is. */
  #plain(text: string): void {
    this.#reserve(text.length);
    this.#at += this.#bytes.write(text, this.#at, 'latin1');
  }

  #reserve(moreBytes: number): void {
    this.#bytes = withRoom(this.#bytes, this.#at, moreBytes);
  }
}

function digitsOf(whole: number): number {
  let count = 1;
  for (let limit = 10; whole >= limit; limit *= 10) count++;
  return count;
}

const escaped = (character: string) =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
