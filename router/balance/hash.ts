/** Bytes of prompt that one block stands for. */
export const blockBytes = 256;
/** Longer prompts are compared by their first MiB only. */
const maxBlocks = 4096;

const blockWords = blockBytes / 4;
const scratch = new ArrayBuffer(maxBlocks * blockBytes);
const scratchBytes = new Uint8Array(scratch);
const scratchWords = new Int32Array(scratch);

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
 * Hashes a prompt in blocks of {@link blockBytes}, each hash over all bytes up to the block's end: equal
 * hashes, equal beginnings. A last block that is not full has no hash.
 * @param spans where the prompt's parts stand in `body`, in the order in which engines render them
 * @param seed distinguishes prompts whose caches are never shared
 */
export function hashBlocks(body: Buffer, spans: readonly Span[], seed: number): Int32Array {
  let length = 0;
  for (const { start, end } of spans) {
    const part = body.subarray(start, Math.min(end, start + scratchBytes.length - length));
    scratchBytes.set(part, length);
    length += part.length;
  }
  const blocks = new Int32Array(Math.floor(length / blockBytes));
  let hash = seed;
  for (let block = 0; block < blocks.length; block++) {
    hash = hashBlock(block * blockWords, hash);
    blocks[block] = hash;
  }
  return blocks;
}

/** Four lanes, so that the multiplications need not wait for each other: twice as fast as one. */
function hashBlock(start: number, seed: number): number {
  const words = scratchWords;
  let a = seed;
  let b = k2;
  let c = k3;
  let d = k4;
  for (let at = start; at < start + blockWords; at += 4) {
    a = Math.imul(a ^ (words[at] as number), k1);
    a ^= a >>> 15;
    b = Math.imul(b ^ (words[at + 1] as number), k1);
    b ^= b >>> 15;
    c = Math.imul(c ^ (words[at + 2] as number), k1);
    c ^= c >>> 15;
    d = Math.imul(d ^ (words[at + 3] as number), k1);
    d ^= d >>> 15;
  }
  return mix(a, mix(b, mix(c, d)));
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
