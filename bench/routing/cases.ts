import { readMooncake, traceS } from './mooncake.ts';
import { type ReplicaModel, referenceModel } from './replica.ts';
import type { Workload } from './request.ts';
import { own, rules } from './rules/all.ts';
import { simulate } from './simulate.ts';
import { type Comparison, compare, meanOf, type Summary, summarize } from './summary.ts';
import { generate, type Kind } from './workloads.ts';

/** One table of the page. */
export interface Case {
  readonly workload: Kind | 'mooncake';
  readonly replicas: number;
  readonly routers: number;
  /** Absent: routers tell each other what they do, where their rule can. */
  readonly isShared?: boolean;
  /** New requests or conversations in a second; of a trace: how many times faster than recorded. */
  readonly rate: number;
  /** How long they come; of a trace: how much of the record is played. */
  readonly forS: number;
  readonly kvTokens: number;
}

/** What all rules made of a case. */
export interface CaseResult extends Case {
  readonly requests: number;
  readonly summaries: Readonly<Record<string, Summary>>;
  /** The router's own rule beside each of the others. */
  readonly against: Readonly<Record<string, Comparison>>;
}

const kvTokens = referenceModel.kvTokens;
const at = (
  workload: Case['workload'],
  replicas: number,
  rates: readonly number[],
  forS: number,
  rest: Partial<Case> = {},
): Case[] =>
  rates.map((rate) => ({ workload, replicas, routers: 1, rate, forS, kvTokens, ...rest }));

/** Rates go from light to about what the replicas can take. */
export const cases: readonly Case[] = [
  ...at('mooncake', 8, [0.5, 1, 1.5, 2], 900),
  ...at('mooncake', 16, [3], 1_800),
  ...at('mooncake', 8, [1.5], 900, { kvTokens: 2_000_000 }),
  ...at('business', 8, [6, 12, 16], 60),
  ...at('business', 32, [60], 40),
  ...at('chat', 8, [4, 8, 14], 80),
  ...at('chat', 4, [7], 80, { kvTokens: 2_000_000 }),
  ...at('agents', 8, [0.7, 1.4, 2], 50),
  ...at('agents', 16, [4], 30, { kvTokens: 2_000_000 }),
  ...at('short', 8, [30, 80, 150], 15),
  ...at('short', 32, [400], 10),
  ...at('short', 100, [1_200], 5),
  ...at('hot', 8, [20, 40, 60], 20),
  ...at('hot', 32, [200], 10),
  ...at('mixed', 8, [6, 12, 18], 40),
  ...at('mixed', 32, [60], 20),
  ...at('mixed', 100, [150], 10),
  ...[2, 4].flatMap((routers) => [
    ...at('mooncake', 16, [3], 900, { routers }),
    ...at('business', 8, [12], 40, { routers }),
    ...at('chat', 8, [4], 40, { routers }),
    ...at('agents', 8, [0.7], 40, { routers }),
    ...at('short', 8, [80], 15, { routers }),
    ...at('hot', 8, [40], 20, { routers }),
    ...at('mixed', 8, [6], 40, { routers }),
  ]),
];

const quickRates: Readonly<Record<Case['workload'], number>> = {
  ...{ mooncake: 1, business: 12, chat: 8, agents: 1.4, short: 80, hot: 40, mixed: 12 },
};

/** Of each workload the case in the middle. */
export const quickCases = cases.filter(
  ({ workload, replicas, routers, rate }) =>
    routers === 1 && replicas === 8 && rate === quickRates[workload],
);

/** The router's rule with one router, and with several that tell each other what they do or do not. */
export const severalRouters: readonly Case[] = (
  [
    ['mooncake', 16, 3, 900],
    ['business', 8, 12, 60],
    ['chat', 8, 4, 60],
    ['agents', 8, 0.7, 60],
    ['short', 8, 80, 15],
    ['hot', 8, 40, 20],
    ['mixed', 8, 6, 60],
  ] as const
).flatMap(([workload, replicas, rate, forS]) =>
  [
    { routers: 1, isShared: true },
    { routers: 2, isShared: true },
    { routers: 4, isShared: true },
    { routers: 4, isShared: false },
  ].map((routers) => ({ workload, replicas, rate, forS, kvTokens, ...routers })),
);

/**
 * Runs a case under each of the rules, with each of its seeds; of a trace each seed plays another part, while
 * there is one.
 * @param tracePath where Mooncake's trace is
 */
export function runCase(
  one: Case,
  seeds: readonly number[],
  tracePath: string | undefined,
  names: readonly string[] = Object.keys(rules),
): CaseResult {
  const { workload: kind, replicas, routers, rate, forS, isShared = true } = one;
  const model: ReplicaModel = { ...referenceModel, kvTokens: one.kvTokens };
  const found: Record<string, Summary[]> = {};
  let requests = 0;
  const parts = kind === 'mooncake' ? Math.floor(traceS / forS) : seeds.length;
  for (const [part, seed] of seeds.slice(0, parts).entries()) {
    const workload: Workload =
      kind === 'mooncake'
        ? readMooncake(tracePath ?? '', rate, part * forS, forS)
        : generate(kind, { perSecond: rate, forS, seed });
    for (const name of names) {
      const makeRule = rules[name];
      if (!makeRule) continue;
      const served = simulate({ workload, replicas, routers, isShared, model, seed }, makeRule);
      requests = served.length;
      found[name] = [...(found[name] ?? []), summarize(served, replicas)];
    }
  }
  const summaries = Object.fromEntries(
    Object.entries(found).map(([name, each]) => [name, meanOf(each)]),
  );
  const ours = found[own] ?? [];
  const against = Object.fromEntries(
    Object.entries(found).flatMap(([name, theirs]) =>
      name === own || ours.length === 0 ? [] : [[name, compare(ours, theirs)]],
    ),
  );
  return { ...one, requests, summaries, against };
}
