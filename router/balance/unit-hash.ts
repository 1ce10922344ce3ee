import { maxUnits, unitBytes } from './blocks.ts';

/**
 * The hash of prompts, as a WebAssembly module that is put together here: 16 bytes at once take a third of
 * the time that JavaScript needs, and hashing is the most of a routing decision.
 *
 * A unit is 16 rows of four 32-bit lanes; row r goes into accumulator r mod 4, then k1 and the accumulators
 * 1 to 3 go into accumulator 0, each by
 *
 *     a = (a ^ row) * k1;  a ^= a >>> 15
 *
 * The lanes are folded, l = (turn(l, 7) ^ next) * k2, and then into the hash of all units before:
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
  /** Hashes the first `count` units of the text, all before each with it, beginning with `hash`. */
  readonly hashUnits: (count: number, hash: number) => void;
}

const { memory, hashUnits: hash } = new WebAssembly.Instance(new WebAssembly.Module(assemble()))
  .exports as UnitHash;
/** Where a text is put to be hashed. */
export const text = new Uint8Array(memory.buffer, 0, textBytes);
/** What {@link hashUnits} found, until it is called again: for each unit the hash of all up to its end. */
export const hashes = new Int32Array(memory.buffer, textBytes, maxUnits);
/** Hashes the first `count` units of {@link text}; `seed` stands for what is before them. */
export const hashUnits = hash;

/** The module's bytes (https://webassembly.github.io/spec/core/binary/). */
function assemble(): Uint8Array<ArrayBuffer> {
  const [count, chain, at, out, lanes] = [0, 1, 2, 3, 4];
  const accumulators = [5, 6, 7, 8] as const;
  const factor = 9;

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
    ...accumulators.flatMap((a, which) => [...splat(seeds[which] ?? 0), ...set(a)]),
    ...Array.from({ length: 16 }, (_, r) => absorb(accumulators[r % 4] ?? 0, row(16 * r))).flat(),
    ...[factor, ...accumulators.slice(1)].flatMap((a) => absorb(accumulators[0], get(a))),
    ...[...lane(0), ...set(lanes)],
    ...[1, 2, 3].flatMap((which) => fold(lanes, lane(which))),
    ...fold(chain, get(lanes)),
    ...[...get(chain), ...get(chain), ...constant(16), 0x76, 0x73, ...set(chain)],
    ...[...get(out), ...get(chain), 0x36, 2, ...leb(textBytes)],
    ...step(out, 4),
    ...step(at, unitBytes),
    ...step(count, -1),
  ];
  const code = [
    ...[2, 3, 0x7f, 5, 0x7b],
    ...[...splat(k1), ...set(factor)],
    ...[0x03, 0x40, ...get(count), 0x04, 0x40, ...unit, 0x0c, 1, 0x0b, 0x0b],
    0x0b,
  ];
  return Uint8Array.of(
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 2, 0x7f, 0x7f, 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, ...leb(Math.ceil((textBytes + 4 * maxUnits) / pageBytes))]),
    ...section(7, [2, ...name('memory'), 2, 0, ...name('hashUnits'), 0, 0]),
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
