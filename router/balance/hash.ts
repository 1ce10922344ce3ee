import { blocksWithin, maxUnits, runOf, unitBytes, unitsBefore } from './blocks.ts';
import { hashes, hashRun, text } from './unit-hash.ts';

const k1 = 0x9e3779b1;
const k2 = 0x85ebca6b;
const k3 = 0xc2b2ae35;
const k4 = 0x27d4eb2f;

/** Part of a Buffer: bytes [start, end). */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Hashes a prompt in blocks ({@link unitsBefore}), each hash over all bytes up to the block's end: equal
 * hashes, equal beginnings. A last block that is not full has no hash.
 * @param spans where the prompt's parts stand in `body`, in the order in which engines render them
 * @param seed distinguishes prompts whose caches are never shared
 */
export function hashBlocks(body: Buffer, spans: readonly Span[], seed: number): Int32Array {
  let length = 0;
  for (const { start, end } of spans) length += body.copy(text, length, start, end);
  const units = Math.min(maxUnits, Math.floor(length / unitBytes));
  const count = blocksWithin(units);
  let hash = seed;
  for (let at = 0; at < count; ) {
    const before = unitsBefore[at] as number;
    const run = Math.min(runOf(at), count - at);
    hashRun(run, (unitsBefore[at + 1] as number) - before, hash, before, at);
    at += run;
    hash = hashes[at - 1] as number;
  }
  return hashes.slice(0, count);
}

/** Mixes two 32-bit numbers into one. */
export function mix(a: number, b: number): number {
  // Turned, so that the same change in either of the two has not the same effect.
  let mixed = Math.imul(((a << 7) | (a >>> 25)) ^ (b + k1), k2);
  mixed = Math.imul(mixed ^ (mixed >>> 13), k3);
  return mixed ^ (mixed >>> 16);
}

/** Hashes a short text. */
export function hashText(text: string): number {
  let hash = text.length;
  for (let at = 0; at < text.length; at++) hash = (Math.imul(hash, k1) + text.charCodeAt(at)) | 0;
  return mix(hash, k4);
}
