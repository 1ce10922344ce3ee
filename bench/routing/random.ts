/** Numbers that look random and are the same in each run. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform among 0 … count - 1. */
  below(count: number): number;
  /** Exponential with this mean. */
  exponential(mean: number): number;
  /** Lognormal with this median; `sigma` is the standard deviation of the logarithm. */
  lognormal(median: number, sigma: number): number;
}

/** A generator (mulberry32) that begins at `seed`. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const exponential = (mean: number) => -mean * Math.log(1 - next());
  return {
    next,
    below: (count) => Math.floor(next() * count),
    exponential,
    lognormal: (median, sigma) => {
      const normal = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
      return median * Math.exp(sigma * normal);
    },
  };
}

/** Mixes two numbers into a 32-bit one. */
export function mix(a: number, b: number): number {
  let mixed = Math.imul(a ^ (b + 0x9e3779b9), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
