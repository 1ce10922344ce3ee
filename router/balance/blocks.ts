/** Bytes of prompt in a unit, which prompts and prefix caches are measured in. */
export const unitBytes = 256;
/** Longer prompts are compared by their first MiB only. */
export const maxUnits = 4096;
/** A block is no longer than this share of what stands before it. */
const blocksPerDoubling = 16;

/**
 * How prompts are cut into blocks: the first 16 have a unit each, then 16 to each doubling of the length, so
 * that a long prompt costs little more than a short one and its length is known to a sixteenth.
 * `unitsBefore[n]` is the units of the first n blocks.
 */
export const unitsBefore: Int32Array = cutBlocks();
/** The most blocks that a prompt has. */
export const maxBlocks = unitsBefore.length - 1;

/** How many whole blocks there are in this many units, at most {@link maxUnits}. */
export function blocksWithin(units: number): number {
  if (units <= blocksPerDoubling) return units;
  const doublings = 31 - Math.clz32(units) - 4;
  return doublings * blocksPerDoubling + (units >> doublings);
}

/** How many blocks of the same length there are from this one on, where the one before it is shorter. */
export function runOf(block: number): number {
  return block === 0 ? 2 * blocksPerDoubling : blocksPerDoubling;
}

function cutBlocks(): Int32Array {
  const ends = [0];
  for (let end = 0; end < maxUnits; ends.push(end)) {
    end += Math.max(1, 2 ** Math.floor(Math.log2(end || 1)) / blocksPerDoubling);
  }
  return Int32Array.from(ends);
}
