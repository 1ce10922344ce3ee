import { noAnswers, type RevisionDemand } from '../../protocol/demand.ts';

/** How a revision answers: counts, sums in milliseconds and sums of squares. */
export type Tally = Pick<RevisionDemand, keyof typeof noAnswers>;

export const emptyTally: Tally = noAnswers;

const fields = Object.keys(noAnswers) as (keyof Tally)[];

/** Both together. */
export function plus(one: Tally, other: Tally): Tally {
  const sum = { ...one };
  for (const field of fields) sum[field] += other[field];
  return sum;
}

/**
 * What has come since `before`. Counts never fall, so where one has, they have begun anew and all of them is
 * new.
 */
export function since(now: Tally, before: Tally | undefined): Tally {
  if (!before || fields.some((field) => now[field] < before[field])) return now;
  const difference = { ...now };
  for (const field of fields) difference[field] -= before[field];
  return difference;
}

/** A mean with its standard error; undefined where there are too few to say. */
export interface Mean {
  mean: number;
  error: number;
}

const fewest = 5;

export function meanOf(count: number, sum: number, squares: number): Mean | undefined {
  if (count < fewest) return undefined;
  const mean = sum / count;
  const variance = Math.max(0, squares / count - mean * mean) * (count / (count - 1));
  return { mean, error: Math.sqrt(variance / count) };
}

/**
 * The share that failed, at least: the lower bound of Wilson's interval of two standard errors, which a few
 * requests move little.
 */
export function leastShare(failures: number, requests: number): number {
  if (requests === 0) return 0;
  const z2 = 4;
  const share = failures / requests;
  const spread = Math.sqrt((share * (1 - share)) / requests + z2 / (4 * requests * requests));
  return Math.max(0, (share + z2 / (2 * requests) - 2 * spread) / (1 + z2 / requests));
}
