import { maxBlocks, maxUnits, unitBytes } from './blocks.ts';

/**
 * The hash of prompts, as a WebAssembly module that is put together here: 16 bytes at once take a third of
 * the time that JavaScript needs, and hashing is the most of a routing decision.
 *
 * A block is rows of four 32-bit lanes, 16 to a unit; row r goes into accumulator r mod 4, then k1 and the
 * accumulators 1 to 3 go into accumulator 0, each by
 *
 *     a = (a ^ row) * k1;  a ^= a >>> 15
 *
 * The lanes are folded, l = (turn(l, 7) ^ next) * k2, and then into the hash of all blocks before:
 * h = (turn(h, 7) ^ l) * k2;  h ^= h >>> 16. The test has it in JavaScript.
 */
export const k1 = 0x9e3779b1;
export const k2 = 0x85ebca6b;
/** What the four accumulators begin with. */
export const seeds = [0x243f6a88, 0x13198a2e, 0x0a409382, 0x299f31d0] as const;

const textBytes = maxUnits * unitBytes;
const pageBytes = 65_536;

/** What is used of WebAssembly; TypeScript has its types for browsers only. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: object };
};

/** What the module gives. */
interface UnitHash {
  /** The memory: the text, and the hashes behind it. */
  readonly memory: { readonly buffer: ArrayBuffer };
  /** {@link hashRun}, with the text's and the hashes' places in bytes. */
  readonly hashRun: (count: number, units: number, hash: number, at: number, out: number) => void;
}

const { memory, hashRun: hash } = new WebAssembly.Instance(new WebAssembly.Module(assemble()))
  .exports as UnitHash;
/** Where a text is put to be hashed. */
export const text = new Uint8Array(memory.buffer, 0, textBytes);
/** What {@link hashRun} found: for each block the hash of all up to its end. */
export const hashes = new Int32Array(memory.buffer, textBytes, maxBlocks);

/**
 * Hashes `count` blocks of {@link text}, each of `units` units, into {@link hashes}.
 * @param seed the hash of what is before them
 * @param fromUnit where they begin @param toBlock where the first one's hash goes
 */
export function hashRun(
  count: number,
  units: number,
  seed: number,
  fromUnit: number,
  toBlock: number,
): void {
  hash(count, units, seed, fromUnit * unitBytes, 4 * toBlock);
}

/** The module's bytes (https://webassembly.github.io/spec/core/binary/). */
function assemble(): Uint8Array<ArrayBuffer> {
  const [count, units, chain, at, out, left, lanes] = [0, 1, 2, 3, 4, 5, 6];
  const accumulators = [7, 8, 9, 10] as const;
  const factor = 11;

  const get = (local: number) => [0x20, local];
  const set = (local: number) => [0x21, local];
  const constant = (value: number) => [0x41, ...leb(value)];
  const add = 0x6a;
  const simd = (operation: number, ...rest: number[]) => [0xfd, ...leb(operation), ...rest];
  const splat = (value: number) => [...constant(value), ...simd(0x11)];
  const row = (offset: number) => [...get(at), ...simd(0x00, 0, ...leb(offset))];
  /** a = (a ^ row) * k1; a ^= a >>> 15 */
  const absorb = (a: number, value: readonly number[]) => [
    ...[...get(a), ...value, ...simd(0x51), ...get(factor), ...simd(0xb5), ...set(a)],
    ...[...get(a), ...get(a), ...constant(15), ...simd(0xad), ...simd(0x51), ...set(a)],
  ];
  /** a = (turn(a, 7) ^ value) * k2 */
  const fold = (a: number, value: readonly number[]) => [
    ...[...get(a), ...constant(7), 0x77, ...value, 0x73, ...constant(k2), 0x6c, ...set(a)],
  ];
  const lane = (which: number) => [...get(accumulators[0]), ...simd(0x1b, which)];
  const step = (local: number, by: number) => [...get(local), ...constant(by), add, ...set(local)];

  const unit = [
    ...Array.from({ length: 16 }, (_, r) => absorb(accumulators[r % 4] ?? 0, row(16 * r))).flat(),
    ...step(at, unitBytes),
    ...step(left, -1),
  ];
  const block = [
    ...accumulators.flatMap((a, which) => [...splat(seeds[which] ?? 0), ...set(a)]),
    ...[...get(units), ...set(left)],
    ...[0x03, 0x40, ...unit, ...get(left), 0x0d, 0, 0x0b],
    ...[factor, ...accumulators.slice(1)].flatMap((a) => absorb(accumulators[0], get(a))),
    ...[...lane(0), ...set(lanes)],
    ...[1, 2, 3].flatMap((which) => fold(lanes, lane(which))),
    ...fold(chain, get(lanes)),
    ...[...get(chain), ...get(chain), ...constant(16), 0x76, 0x73, ...set(chain)],
    ...[...get(out), ...get(chain), 0x36, 2, ...leb(textBytes)],
    ...step(out, 4),
    ...step(count, -1),
  ];
  const code = [
    ...[2, 2, 0x7f, 5, 0x7b],
    ...[...splat(k1), ...set(factor)],
    ...[0x03, 0x40, ...get(count), 0x04, 0x40, ...block, 0x0c, 1, 0x0b, 0x0b],
    0x0b,
  ];
  return Uint8Array.of(
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 5, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, ...leb(Math.ceil((textBytes + 4 * maxBlocks) / pageBytes))]),
    ...section(7, [2, ...name('memory'), 2, 0, ...name('hashRun'), 0, 0]),
    ...section(10, [1, ...leb(code.length), ...code]),
  );
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...leb(content.length), ...content];
}

function name(text: string): number[] {
  return [text.length, ...Buffer.from(text)];
}

/** A 32-bit number as WebAssembly writes it (LEB128). */
function leb(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  while (rest < -64 || rest > 63) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>= 7;
  }
  return [...bytes, rest & 0x7f];
}
