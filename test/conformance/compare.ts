import { isDeepStrictEqual } from 'node:util';
import type { Outcomes } from './clients.ts';
import { mergePieces } from './merge.ts';
import { normalise } from './normalise.ts';

/** A check whose outcome the router changes on purpose. */
export interface Mended {
  /** Which checks, by name. */
  readonly checks: RegExp;
  /** What the router does there, and why. */
  readonly why: string;
  /** Whether these two outcomes are the mending that is meant; anything else is a difference. */
  readonly accepts: (direct: unknown, routed: unknown) => boolean;
}

/** `same`: equal; `mended`: different as designed; `different`: a bug. */
export type Verdict = 'same' | 'mended' | 'different';

/** One check, asked directly and through the router. */
export interface Comparison {
  readonly check: string;
  readonly verdict: Verdict;
  /** Whether it was answered rather than refused, as seen through the router. */
  readonly answered: boolean;
  /** Why it was mended. */
  readonly why?: string;
  readonly direct: unknown;
  readonly routed: unknown;
}

/** Compares what a client saw on both ways; a check that only one side has is different. */
export function compare(
  direct: Outcomes,
  routed: Outcomes,
  mended: readonly Mended[],
  cutsVary: boolean,
): Comparison[] {
  const names = new Set([...Object.keys(direct), ...Object.keys(routed)]);
  return [...names].map((check) => {
    const [a, b] = [direct[check], routed[check]].map((outcome) =>
      cutsVary ? mergePieces(normalise(outcome)) : normalise(outcome),
    );
    const both = { check, answered: isAnswer(b), direct: a, routed: b };
    if (isDeepStrictEqual(a, b)) return { ...both, verdict: 'same' };
    const rule = mended.find(({ checks, accepts }) => checks.test(check) && accepts(a, b));
    return rule ? { ...both, verdict: 'mended', why: rule.why } : { ...both, verdict: 'different' };
  });
}

/** Client libraries tell of a refusal as an error, the wire as a status. */
function isAnswer(outcome: unknown): boolean {
  if (typeof outcome !== 'object' || outcome === null) return outcome !== undefined;
  if ('error' in outcome) return false;
  return !('status' in outcome && typeof outcome.status === 'number' && outcome.status >= 400);
}

/** What one client saw of one upstream. */
export interface ClientResult {
  readonly client: string;
  readonly comparisons: readonly Comparison[];
}

/** One text a difference, with both outcomes from where they part. */
export function differencesOf(results: readonly ClientResult[]): string[] {
  return results.flatMap(({ client, comparisons }) =>
    comparisons
      .filter(({ verdict }) => verdict === 'different')
      .map(({ check, direct, routed }) => {
        const [a, b] = [direct, routed].map((outcome) => JSON.stringify(outcome) ?? 'nothing');
        const from = Math.max(0, commonPrefixLength(a ?? '', b ?? '') - 60);
        const shown = (text = '') => text.slice(from, from + 400);
        return `${client}: ${check}\n  direct: …${shown(a)}\n  routed: …${shown(b)}`;
      }),
  );
}

function commonPrefixLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
