import { z } from 'zod';
import { kubernetes, matching } from './kubernetes.ts';

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/**
 * A length of time as Kubernetes' newer interfaces write it (Gateway API, GEP-2257): up to four whole
 * numbers with their units, such as `5s` or `1h30m`.
 */
export const duration = () =>
  z
    .string()
    .max(24)
    .register(kubernetes, {
      rules: [
        matching(
          '([0-9]{1,5}(h|m|s|ms)){1,4}',
          'must be a length of time, such as "5s" or "1h30m"',
        ),
      ],
    });

/** @returns milliseconds of a valid {@link duration} */
export function durationMs(text: string): number {
  let sum = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|s|m|h)/g)) {
    sum += Number(count) * (unitMs[unit ?? ''] ?? 0);
  }
  return sum;
}
