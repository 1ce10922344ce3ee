import { copyFew, withRoom } from './bytes.ts';

/** Writes one protobuf message after another into bytes that grow; tags are given with their wire type. */
export class ProtobufWriter {
  #bytes: Buffer;
  #at = 0;

  /** @param sizeBytes of the first piece of memory */
  constructor(sizeBytes: number) {
    this.#bytes = Buffer.allocUnsafe(sizeBytes);
  }

  /** Begins a message within the one that is open. @returns what {@link close} asks for */
  open(tag: number): number {
    this.#reserve(8);
    this.#varint(tag);
    return ++this.#at;
  }

  /** Ends the message whose `open` returned `start`. */
  close(start: number): void {
    const length = this.#at - start;
    if (length < 0x80) {
      this.#bytes[start - 1] = length;
      return;
    }
    // One byte was kept for the length; it takes more.
    const more = varintSize(length) - 1;
    this.#reserve(more);
    this.#bytes.copyWithin(start + more, start, this.#at);
    this.#at = start - 1;
    this.#varint(length);
    this.#at += length;
  }

  text(tag: number, text: string): void {
    const { length } = text;
    // In UTF-8 a unit of UTF-16 takes three bytes at most.
    this.#reserve(16 + length * 3);
    this.#varint(tag);
    if (length < 0x80 && this.#ascii(text, this.#at + 1)) {
      this.#bytes[this.#at] = length;
      this.#at += length + 1;
      return;
    }
    this.#varint(Buffer.byteLength(text));
    this.#at += this.#bytes.write(text, this.#at);
  }

  /** Bytes given as hexadecimal digits. */
  hex(tag: number, digits: string): void {
    const length = digits.length >> 1;
    this.#reserve(16 + length);
    this.#varint(tag);
    this.#varint(length);
    const bytes = this.#bytes;
    const at = this.#at;
    for (let index = 0; index < length; index++) {
      const high = nibble(digits.charCodeAt(index * 2));
      bytes[at + index] = (high << 4) | nibble(digits.charCodeAt(index * 2 + 1));
    }
    this.#at = at + length;
  }

  /** Bytes as they are, with no tag: what was written before. */
  raw(written: Uint8Array): void {
    this.#reserve(written.length);
    this.#copy(written);
  }

  /**
   * A message of `written` and, under `outer`, one with the one field `inner`, which is text; at once what
   * `open`, `raw`, `text` and `close` do, for that is most of what a span is made of.
   */
  textBehind(tag: number, written: Uint8Array, outer: number, inner: number, text: string): void {
    const { length } = text;
    const innerLength = length + 2;
    const all = written.length + innerLength + 2;
    this.#reserve(all + 2);
    const start = this.#at;
    if (all < 0x80 && this.#ascii(text, start + 2 + written.length + 4)) {
      const bytes = this.#bytes;
      bytes[start] = tag;
      bytes[start + 1] = all;
      this.#at = start + 2;
      this.#copy(written);
      const at = this.#at;
      bytes[at] = outer;
      bytes[at + 1] = innerLength;
      bytes[at + 2] = inner;
      bytes[at + 3] = length;
      this.#at = at + 4 + length;
      return;
    }
    const message = this.open(tag);
    this.raw(written);
    const value = this.open(outer);
    this.text(inner, text);
    this.close(value);
    this.close(message);
  }

  /** The same with an integer. */
  integerBehind(
    tag: number,
    written: Uint8Array,
    outer: number,
    inner: number,
    value: number,
  ): void {
    if (value >= 0 && value < 0x4000 && written.length < 0x70) {
      this.#reserve(written.length + 8);
      const isShort = value < 0x80;
      const innerLength = isShort ? 2 : 3;
      const start = this.#at;
      this.#bytes[start] = tag;
      this.#bytes[start + 1] = written.length + innerLength + 2;
      this.#at = start + 2;
      this.#copy(written);
      const bytes = this.#bytes;
      const at = this.#at;
      bytes[at] = outer;
      bytes[at + 1] = innerLength;
      bytes[at + 2] = inner;
      bytes[at + 3] = isShort ? value : (value & 0x7f) | 0x80;
      if (!isShort) bytes[at + 4] = value >> 7;
      this.#at = at + 2 + innerLength;
      return;
    }
    const message = this.open(tag);
    this.raw(written);
    const any = this.open(outer);
    this.integer(inner, value);
    this.close(any);
    this.close(message);
  }

  /** An int64, uint32, bool or enum. @param value an integer of 64 bits at most */
  integer(tag: number, value: number): void {
    this.#reserve(16);
    this.#varint(tag);
    if (value >= 0 && value <= 0xffffffff) {
      this.#varint(value);
      return;
    }
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest > 0x7fn; rest >>= 7n) this.#bytes[this.#at++] = Number(rest & 0x7fn) | 0x80;
    this.#bytes[this.#at++] = Number(rest);
  }

  double(tag: number, value: number): void {
    this.#reserve(16);
    this.#varint(tag);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  fixed32(tag: number, value: number): void {
    this.#reserve(16);
    this.#varint(tag);
    this.#at = this.#bytes.writeUInt32LE(value, this.#at);
  }

  fixed64(tag: number, low: number, high: number): void {
    this.fixed32(tag, low);
    this.#at = this.#bytes.writeUInt32LE(high, this.#at);
  }

  /** All that was written; the writer is done with. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  #reserve(moreBytes: number): void {
    this.#bytes = withRoom(this.#bytes, this.#at, moreBytes);
  }

  #copy(from: Uint8Array): void {
    this.#at = copyFew(from, this.#bytes, this.#at);
  }

  /** @param value 32 bits without a sign */
  #varint(value: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    let rest = value;
    for (; rest > 0x7f; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80;
    bytes[at++] = rest;
    this.#at = at;
  }

  /** Writes text of ASCII alone, which most is. */
  #ascii(text: string, at: number): boolean {
    const bytes = this.#bytes;
    const { length } = text;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) return false;
      bytes[at + index] = code;
    }
    return true;
  }
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 0x7f; rest >>>= 7) size++;
  return size;
}

/** Of one hexadecimal digit. */
function nibble(code: number): number {
  return code < 0x3a ? code - 0x30 : (code | 0x20) - 0x57;
}
