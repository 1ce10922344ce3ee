import { withRoom } from './bytes.ts';

/** A field's number as its tag, with the wire type of what is written there. */
export const field = (number: number, wireType: 0 | 1 | 2 | 5) => (number << 3) | wireType;

/** Writes one protobuf message after another into bytes that grow; tags are given with their wire type. */
export class ProtobufWriter {
  #bytes: Buffer;
  #at = 0;

  /** @param sizeBytes of the first piece of memory */
  constructor(sizeBytes: number) {
    this.#bytes = Buffer.allocUnsafe(sizeBytes);
  }

  /** How many bytes were written. */
  get length(): number {
    return this.#at;
  }

  /**
   * Begins a message within the one that is open.
   * @param lengthBytes as many as its length will take; another number costs a move
   * @returns what {@link close} asks for
   */
  open(tag: number, lengthBytes = 1): number {
    this.#reserve(8 + lengthBytes);
    this.#varint(tag);
    this.#at += lengthBytes;
    return this.#at;
  }

  /** Ends the message whose `open` returned `start`. */
  close(start: number, lengthBytes = 1): void {
    const length = this.#at - start;
    const more = varintSize(length) - lengthBytes;
    if (more !== 0) {
      this.#reserve(8);
      this.#bytes.copyWithin(start + more, start, this.#at);
    }
    this.#at = start - lengthBytes;
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
    let at = this.#at;
    for (let index = 0; index < digits.length; index += 2) {
      const high = nibbles[digits.charCodeAt(index)] ?? 0;
      bytes[at++] = (high << 4) | (nibbles[digits.charCodeAt(index + 1)] ?? 0);
    }
    this.#at = at;
  }

  bytes(tag: number, content: Uint8Array): void {
    this.#reserve(16);
    this.#varint(tag);
    this.#varint(content.length);
    this.raw(content);
  }

  /** Fields as they were written before. */
  raw(written: Uint8Array): void {
    this.#reserve(written.length);
    this.#bytes.set(written, this.#at);
    this.#at += written.length;
  }

  /** What was written behind the first `start` bytes. */
  copyFrom(start: number): Uint8Array {
    return Uint8Array.prototype.slice.call(this.#bytes, start, this.#at);
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
    this.#word(value);
  }

  fixed64(tag: number, low: number, high: number): void {
    this.fixed32(tag, low);
    this.#word(high);
  }

  /** All that was written, in memory that is used again for what is written next. */
  take(): Buffer {
    const written = this.#bytes.subarray(0, this.#at);
    this.#at = 0;
    return written;
  }

  #reserve(moreBytes: number): void {
    this.#bytes = withRoom(this.#bytes, this.#at, moreBytes);
  }

  #word(value: number): void {
    const bytes = this.#bytes;
    const at = this.#at;
    bytes[at] = value;
    bytes[at + 1] = value >>> 8;
    bytes[at + 2] = value >>> 16;
    bytes[at + 3] = value >>> 24;
    this.#at = at + 4;
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

/** Of hexadecimal digits by their codes. */
const nibbles = new Uint8Array(128);
for (const [value, digit] of [...'0123456789abcdef'].entries()) {
  nibbles[digit.charCodeAt(0)] = value;
  nibbles[digit.toUpperCase().charCodeAt(0)] = value;
}
