/** Frames of ZMTP 3.0 (rfc.zeromq.org/spec/23), the wire format of ZeroMQ, with the mechanism NULL. */

/** What a side is. */
export type SocketType = 'SUB' | 'DEALER' | 'PUB' | 'ROUTER';

const greetingBytes = 64;
const flags = { more: 1, long: 2, command: 4 };
/** A frame that is longer is no event of an engine. */
const mostFrameBytes = 64 << 20;

/** The peer does not speak what we do; the message says what came. */
export class ZmtpError extends Error {
  override name = 'ZmtpError';
}

/** What each side says first: signature, version 3.0, mechanism, not a server. */
export function greeting(): Buffer {
  const bytes = Buffer.alloc(greetingBytes);
  bytes[0] = 0xff;
  bytes[8] = 1;
  bytes[9] = 0x7f;
  bytes[10] = 3;
  bytes.write('NULL', 12, 'latin1');
  return bytes;
}

/** The command that each side says second. */
export function ready(type: SocketType): Buffer {
  const property = 'Socket-Type';
  const value = Buffer.alloc(4);
  value.writeUInt32BE(type.length);
  const body = Buffer.concat([
    ...[Buffer.from('\x05READY', 'latin1'), Buffer.from([property.length]), Buffer.from(property)],
    ...[value, Buffer.from(type)],
  ]);
  return frame(body, flags.command);
}

/** A message of several parts. */
export function message(parts: readonly Uint8Array[]): Buffer {
  const last = parts.length - 1;
  return Buffer.concat(parts.map((part, at) => frame(part, at < last ? flags.more : 0)));
}

function frame(body: Uint8Array, flag: number): Buffer {
  if (body.length < 256) return Buffer.concat([Buffer.from([flag, body.length]), body]);
  const head = Buffer.alloc(9);
  head[0] = flag | flags.long;
  head.writeBigUInt64BE(BigInt(body.length), 1);
  return Buffer.concat([head, body]);
}

/** Reads what a peer sends: its greeting, its READY, then messages. */
export class ZmtpReader {
  readonly #isReady: () => void;
  readonly #message: (parts: readonly Buffer[]) => void;
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** How many bytes must be there before anything can be read. */
  #needed = greetingBytes;
  #isGreeted = false;
  #parts: Buffer[] = [];

  /**
   * @param isReady told when the peer takes messages
   * @param message told of each message
   */
  constructor(isReady: () => void, message: (parts: readonly Buffer[]) => void) {
    this.#isReady = isReady;
    this.#message = message;
  }

  /** @throws ZmtpError when the peer speaks something else */
  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#needed) return;
    let bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    if (!this.#isGreeted) {
      checkGreeting(bytes);
      this.#isGreeted = true;
      bytes = bytes.subarray(greetingBytes);
    }
    for (;;) {
      const size = frameSize(bytes);
      if (size.whole > bytes.length) {
        this.#needed = size.whole;
        break;
      }
      this.#frame(bytes[0] as number, bytes.subarray(size.head, size.whole));
      bytes = bytes.subarray(size.whole);
    }
    this.#chunks = bytes.length > 0 ? [bytes] : [];
    this.#bytes = bytes.length;
  }

  #frame(flag: number, body: Buffer): void {
    if (flag & flags.command) {
      const name = body.toString('latin1', 1, 1 + (body[0] ?? 0));
      if (name === 'ERROR') throw new ZmtpError(`the peer refused: ${body.toString('latin1', 7)}`);
      if (name === 'READY') this.#isReady();
      return;
    }
    this.#parts.push(body);
    if (flag & flags.more) return;
    const parts = this.#parts;
    this.#parts = [];
    this.#message(parts);
  }
}

function checkGreeting(bytes: Buffer): void {
  const mechanism = bytes.toString('latin1', 12, 32).replaceAll('\0', '');
  if (bytes[0] !== 0xff || bytes[9] !== 0x7f || (bytes[10] ?? 0) < 3 || mechanism !== 'NULL') {
    throw new ZmtpError(`no ZMTP 3 without security: ${bytes.toString('hex', 0, 32)}`);
  }
}

/** Bytes of the first frame, and of what stands before its body; the least there must be when it is not all there. */
function frameSize(bytes: Buffer): { head: number; whole: number } {
  if (bytes.length < 2) return { head: 2, whole: 2 };
  const isLong = ((bytes[0] as number) & flags.long) !== 0;
  if (!isLong) return { head: 2, whole: 2 + (bytes[1] as number) };
  if (bytes.length < 9) return { head: 9, whole: 9 };
  const length = bytes.readBigUInt64BE(1);
  if (length > mostFrameBytes) throw new ZmtpError(`a frame of ${length} bytes`);
  return { head: 9, whole: 9 + Number(length) };
}
