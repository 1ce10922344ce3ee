import type { Served } from './simulate.ts';

/** What one rule made of one case. Times are seconds. */
export interface Summary {
  /** The share of prompt tokens that came out of prefix caches. */
  hit: number;
  ttftMeanS: number;
  ttftP50S: number;
  ttftP99S: number;
  /** Answer tokens in a second, from the first arrival to the last answer's end. */
  tokensPerS: number;
  /** The most prompt tokens that a replica computed, over the mean. */
  imbalance: number;
}

/** Sums up all requests of a run. */
export function summarize(all: readonly Served[], replicas: number): Summary {
  const ttfts = all.map(({ arrivedS, firstTokenS }) => firstTokenS - arrivedS);
  ttfts.sort((a, b) => a - b);
  const quantile = (share: number) =>
    ttfts[Math.min(ttfts.length - 1, Math.floor(ttfts.length * share))] ?? Number.NaN;
  const computed: number[] = new Array(replicas).fill(0);
  let input = 0;
  let cached = 0;
  let output = 0;
  let endS = 0;
  for (const { request, replica, cachedTokens, finishedS } of all) {
    input += request.inputTokens;
    cached += cachedTokens;
    output += request.outputTokens;
    endS = Math.max(endS, finishedS);
    computed[replica] = (computed[replica] ?? 0) + request.inputTokens - cachedTokens;
  }
  return {
    hit: cached / input,
    ttftMeanS: ttfts.reduce((sum, ttft) => sum + ttft, 0) / ttfts.length,
    ttftP50S: quantile(0.5),
    ttftP99S: quantile(0.99),
    tokensPerS: output / (endS - (all[0]?.arrivedS ?? 0)),
    imbalance: (Math.max(...computed) * replicas) / (input - cached),
  };
}

/** How many times as much one thing has as another, and how sure that is. */
export interface Ratio {
  /** Geometric mean over the seeds. */
  readonly mean: number;
  /** Two standard errors of it. */
  readonly noise: number;
}

/** What a rule is judged by, beside another that served the same requests. */
export interface Comparison {
  readonly hit: Ratio;
  readonly ttftMean: Ratio;
  readonly ttftP99: Ratio;
}

/** Compares the runs of two rules, seed by seed. */
export function compare(ours: readonly Summary[], theirs: readonly Summary[]): Comparison {
  const ratio = (of: (summary: Summary) => number): Ratio => {
    const logs = ours.map((one, at) => Math.log(of(one) / of(theirs[at] as Summary)));
    const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length;
    const squares = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0);
    const error = Math.sqrt(squares / Math.max(1, logs.length - 1) / logs.length);
    return { mean: Math.exp(mean), noise: Math.exp(mean) * 2 * error };
  };
  return {
    hit: ratio(({ hit }) => hit),
    ttftMean: ratio(({ ttftMeanS }) => ttftMeanS),
    ttftP99: ratio(({ ttftP99S }) => ttftP99S),
  };
}

/** The mean of several summaries, number by number. */
export function meanOf(summaries: readonly Summary[]): Summary {
  const mean = (of: (summary: Summary) => number) =>
    summaries.reduce((sum, summary) => sum + of(summary), 0) / summaries.length;
  return {
    hit: mean(({ hit }) => hit),
    ttftMeanS: mean(({ ttftMeanS }) => ttftMeanS),
    ttftP50S: mean(({ ttftP50S }) => ttftP50S),
    ttftP99S: mean(({ ttftP99S }) => ttftP99S),
    tokensPerS: mean(({ tokensPerS }) => tokensPerS),
    imbalance: mean(({ imbalance }) => imbalance),
  };
}
