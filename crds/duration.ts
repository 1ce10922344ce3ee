import { z } from 'zod';
import { kubernetes, matching, type Rule } from './kubernetes.ts';

const form = '([0-9]{1,5}(h|m|s|ms)){1,4}';
const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/**
 * A length of time as Kubernetes' newer interfaces write it (Gateway API, GEP-2257): up to four whole
 * numbers with their units, such as `5s` or `1h30m`.
 * @param more rules that it must keep besides
 */
export const duration = (...more: readonly Rule[]) =>
  z
    .string()
    .max(24)
    .register(kubernetes, {
      rules: [matching(form, 'must be a length of time, such as "5s" or "1h30m"'), ...more],
    });

/** The rule that a {@link duration} is not longer than `longest`. What is none at all, it leaves to the other rule. */
export function atMost(longest: string): Rule {
  return {
    rule: `!self.matches('^${form}$') || duration(self) <= duration('${longest}')`,
    message: `must be at most ${longest}`,
  };
}

/** @returns milliseconds of a valid {@link duration} */
export function durationMs(text: string): number {
  let sum = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|s|m|h)/g)) {
    sum += Number(count) * (unitMs[unit ?? ''] ?? 0);
  }
  return sum;
}
