import type { CanarySpec } from '../../crds/modeldeployment/canary.ts';
import { leastShare, meanOf, type Tally } from './tally.ts';

/** Fewer failures than this are no reason, whatever share they are. */
const fewestFailures = 3;

/**
 * Which gate the canary fails, as the end of a sentence; undefined: none. What chance explains is not held
 * against it: its share of failures counts with the lower bound of its interval, and means count with two
 * standard errors of both sides in its favour.
 */
export function failedGate(
  gates: CanarySpec['gates'],
  canary: Tally,
  stable: Tally,
): string | undefined {
  return (
    tooManyErrors(gates, canary, stable) ??
    tooSlow('time to the first token', gates.ttftPercent, ttftOf(canary), ttftOf(stable)) ??
    tooSlow('time per output token', gates.tpotPercent, tpotOf(canary), tpotOf(stable))
  );
}

function tooManyErrors(
  { errorRatePoints }: CanarySpec['gates'],
  canary: Tally,
  stable: Tally,
): string | undefined {
  if (canary.failures < fewestFailures) return undefined;
  const usual = stable.requests === 0 ? 0 : stable.failures / stable.requests;
  if (leastShare(canary.failures, canary.requests) <= usual + errorRatePoints / 100)
    return undefined;
  return `${canary.failures} of its ${canary.requests} requests failed, ${stable.failures} of ${stable.requests} at the stable revision; ${errorRatePoints} percentage points more are allowed.`;
}

const ttftOf = ({ ttfts, ttftMs, ttftMs2 }: Tally) => meanOf(ttfts, ttftMs, ttftMs2);
const tpotOf = ({ tpots, tpotMs, tpotMs2 }: Tally) => meanOf(tpots, tpotMs, tpotMs2);

function tooSlow(
  what: string,
  percent: number,
  canary: ReturnType<typeof meanOf>,
  stable: ReturnType<typeof meanOf>,
): string | undefined {
  if (!canary || !stable) return undefined;
  const most = (percent / 100) * (stable.mean + 2 * stable.error);
  if (canary.mean - 2 * canary.error <= most) return undefined;
  return `its mean ${what} is ${ms(canary.mean)}, ${ms(stable.mean)} at the stable revision; ${percent} % of that are allowed.`;
}

function ms(value: number): string {
  return value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`;
}
