import { mix } from './random.ts';
import { referenceModel } from './replica.ts';
import type { SimRequest } from './request.ts';
import { own, rules } from './rules/all.ts';
import { type Served, simulate } from './simulate.ts';
import { generate, type Kind } from './workloads.ts';

/** A run of a workload. */
export interface OverloadRun {
  readonly workload: Kind;
  readonly ratePerS: number;
  /** Whether requests wait in the router while no replica has room. */
  readonly isHeld: boolean;
}

/** What more requests than the replicas can take meant for the urgent ones and for the others. */
export interface OverloadFigures extends OverloadRun {
  /** Times from a request's arrival to its first token; seconds. */
  readonly urgentP50S: number;
  readonly urgentP90S: number;
  readonly otherP50S: number;
  /** Answers that ended in a second, from 40 s on and while requests come. */
  readonly answersPerS: number;
  readonly refusedShare: number;
}

const replicas = 8;
const seed = 31;
const forS = 120;
/** What comes before is not counted: it finds idle replicas. */
const fromS = 40;
/** As a ModelDeployment has it, unless it says something else. */
const maxHeld = 1_000;
/** Of each kind, about what eight replicas can take. */
const capacities: readonly (readonly [Kind, number])[] = [
  ['short', 190],
  ['hot', 70],
  ['business', 19],
];

/** A tenth of what the replicas can take, and three times it, with and without admission. */
export const overloadRuns: readonly OverloadRun[] = capacities.flatMap(([workload, capacity]) => [
  { workload, ratePerS: capacity / 10, isHeld: false },
  { workload, ratePerS: 3 * capacity, isHeld: false },
  { workload, ratePerS: 3 * capacity, isHeld: true },
]);

/** Runs one of them. */
export function measureOverload(asked: OverloadRun): OverloadFigures {
  const { workload: kind, ratePerS: perSecond, isHeld } = asked;
  const workload = generate(kind, { perSecond, forS, seed });
  const order = new Map(workload.arrivals.map(({ request }, at) => [request, at]));
  // A tenth of all requests is urgent.
  const isUrgent = (request: SimRequest) => mix(order.get(request) ?? 0, 5) >>> 0 < 2 ** 32 / 10;
  const admission = { priorityOf: (request: SimRequest) => (isUrgent(request) ? 1 : 0), maxHeld };
  const makeRule = rules[own];
  if (!makeRule) throw new RangeError(`no rule has the name ${own}`);
  const all = simulate(
    {
      ...{ workload, replicas, routers: 1, isShared: true, model: referenceModel, seed },
      ...(isHeld ? { admission } : {}),
    },
    makeRule,
  );
  const served = all.filter(({ replica }) => replica >= 0);
  const late = served.filter(({ arrivedS }) => arrivedS > fromS);
  const urgent = ttfts(late.filter(({ request }) => isUrgent(request)));
  const other = ttfts(late.filter(({ request }) => !isUrgent(request)));
  const ended = served.filter(({ finishedS }) => finishedS > fromS && finishedS < forS).length;
  return {
    ...asked,
    urgentP50S: quantile(urgent, 0.5),
    urgentP90S: quantile(urgent, 0.9),
    otherP50S: quantile(other, 0.5),
    answersPerS: ended / (forS - fromS),
    refusedShare: 1 - served.length / all.length,
  };
}

function ttfts(served: readonly Served[]): number[] {
  const all = served.map(({ arrivedS, firstTokenS }) => firstTokenS - arrivedS);
  return all.sort((a, b) => a - b);
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
