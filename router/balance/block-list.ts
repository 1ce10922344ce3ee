import { maxUnits, unitsBefore } from './blocks.ts';

/** Blocks of a replica's prefix cache as they are told to other routers, the longest untouched first. */
export interface BlockList {
  readonly keys: Int32Array;
  /** Their units, as powers of two. */
  readonly sizes: Uint8Array;
}

const entryBytes = 5;
const largestSize = Math.log2(maxUnits);

/** A prompt's blocks, in the order in which an index takes them in. */
export function listOf(blocks: Int32Array): BlockList {
  const last = blocks.length - 1;
  return {
    keys: blocks.toReversed(),
    sizes: Uint8Array.from(blocks, (_, at) => sizeOf(last - at)),
  };
}

/** As text: base64 of all keys (little-endian, 4 bytes each) and all sizes (a byte each). */
export function encodeBlocks({ keys, sizes }: BlockList): string {
  const bytes = Buffer.allocUnsafe(entryBytes * keys.length);
  for (let at = 0; at < keys.length; at++) bytes.writeInt32LE(keys[at] as number, 4 * at);
  bytes.set(sizes, 4 * keys.length);
  return bytes.toString('base64');
}

/** Undefined when it is no list of blocks: a router of another version may have written it. */
export function decodeBlocks(text: string): BlockList | undefined {
  const bytes = Buffer.from(text, 'base64');
  const count = bytes.length / entryBytes;
  const sizes = bytes.subarray(4 * count);
  if (!Number.isInteger(count) || sizes.some((size) => size > largestSize)) return undefined;
  return { keys: Int32Array.from(sizes, (_, at) => bytes.readInt32LE(4 * at)), sizes };
}

function sizeOf(position: number): number {
  const units = (unitsBefore[position + 1] as number) - (unitsBefore[position] as number);
  return 31 - Math.clz32(units);
}
