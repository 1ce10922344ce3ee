import type { CaseResult } from './cases.ts';
import type { DecisionFigures } from './decision.ts';
import type { EngineFigures } from './engines/measure.ts';
import { renderEngines } from './engines/section.ts';
import type { OverloadFigures } from './overload.ts';
import { plot } from './plot.ts';
import { own } from './rules/all.ts';
import type { Comparison, Ratio, Summary } from './summary.ts';

/** One run of the benchmark. */
export interface Results {
  readonly date: string;
  readonly machine: string;
  readonly seeds: number;
  readonly cases: readonly CaseResult[];
  readonly decision: DecisionFigures;
  /** Our rule with one router and with several. */
  readonly several: readonly CaseResult[];
  readonly overload: readonly OverloadFigures[];
  /** Absent: not measured in this run. */
  readonly engines?: readonly EngineFigures[] | undefined;
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
const ratio = (value: number) => (Number.isFinite(value) ? value.toFixed(2) : '-');

/** The best that any peer made of a case, each figure by itself. */
function bestPeer({ summaries }: CaseResult) {
  const peers = Object.entries(summaries).filter(([name]) => name !== own);
  const best = (of: (summary: Summary) => number) =>
    peers.reduce((a, b) => (of(b[1]) < of(a[1]) ? b : a));
  const [mean, p99, hit] = [
    best(({ ttftMeanS }) => ttftMeanS),
    best(({ ttftP99S }) => ttftP99S),
    best((summary) => -summary.hit),
  ];
  return { mean, p99, hit };
}

function titleOf({ workload, replicas, routers, rate, kvTokens }: CaseResult): string {
  const speed = workload === 'mooncake' ? `speed ${rate}` : `${rate}/s`;
  const memory = kvTokens === 308_000 ? '' : `, ${kvTokens / 1e6} M KV tokens`;
  const several = routers > 1 ? `, ${routers} routers` : '';
  return `${workload}, ${replicas} replicas, ${speed}${memory}${several}`;
}

/** The least that hits may be of the best peer's. */
const leastHit = 0.97;
/** What differs by less is taken for the same, though seeds agree on it. */
const sameWithin = 0.01;
const isNotAbove = ({ mean, noise }: Ratio) => mean - Math.max(noise, sameWithin) <= 1;
const isEnoughHit = ({ mean, noise }: Ratio) => !(mean + noise < leastHit);
/** A figure beside a peer's; bold: it is worse, and by more than the noise. */
const beside = (one: Ratio, isGood: (one: Ratio) => boolean, name: string) => {
  const text = `${ratio(one.mean)} ± ${ratio(one.noise)}`;
  return `${isGood(one) ? text : `**${text}**`} × ${name}`;
};

/** In how many cases what is promised is so. */
function verdict(cases: readonly CaseResult[]): string {
  const alone = cases.filter(({ routers }) => routers === 1);
  const sharing = alone.filter((one) => bestPeer(one).hit[1].hit > 0);
  const count = (isGood: (one: CaseResult) => boolean) => `${alone.filter(isGood).length}`;
  const against = (one: CaseResult, name: string) => one.against[name] as Comparison;
  return `Of ${alone.length} cases with one router, mean TTFT is at most the best peer's, or within the noise or 1 % of it,
in ${count((one) => isNotAbove(against(one, bestPeer(one).mean[0]).ttftMean))}, p99 in ${count((one) => isNotAbove(against(one, bestPeer(one).p99[0]).ttftP99))}, and hits are at least 97 % of the best peer's, or within the noise of it,
in ${sharing.filter((one) => isEnoughHit(against(one, bestPeer(one).hit[0]).hit)).length} of the ${sharing.length} whose prompts share anything.`;
}

function overview(cases: readonly CaseResult[]): string {
  const rows = cases.map((one) => {
    const ours = one.summaries[own] as Summary;
    const { mean, p99, hit } = bestPeer(one);
    const least = one.summaries['least in flight'] as Summary;
    const against = (name: string) => one.against[name] as Comparison;
    return [
      titleOf(one),
      `${ours.ttftMeanS.toFixed(3)} s`,
      beside(against(mean[0]).ttftMean, isNotAbove, mean[0]),
      `${ours.ttftP99S.toFixed(2)} s`,
      beside(against(p99[0]).ttftP99, isNotAbove, p99[0]),
      `${(100 * ours.hit).toFixed(1)} %`,
      hit[1].hit > 0 ? beside(against(hit[0]).hit, isEnoughHit, hit[0]) : '-',
      `${ratio(ours.ttftMeanS / least.ttftMeanS)} ×`,
    ];
  });
  const head = ['case', 'TTFT mean', 'of the best peer', 'TTFT p99', 'of the best peer'];
  return table([...head, 'hit', 'of the best peer', 'mean of least in flight'], rows);
}

/** Each workload in a row: one router, and what several make of it. */
function routersTable(several: readonly CaseResult[]): string {
  const rows = [...Map.groupBy(several, ({ workload }) => workload)].map(([workload, group]) => {
    const [alone, ...others] = group.map(({ summaries }) => summaries[own] as Summary);
    if (!alone) return [workload];
    return [
      workload,
      `${(100 * alone.hit).toFixed(1)} %, ${alone.ttftMeanS.toFixed(3)} s`,
      ...others.map(({ hit, ttftMeanS }) => {
        const kept = alone.hit > 0 ? `${ratio(hit / alone.hit)} ×` : '-';
        return `${kept}, ${ratio(ttftMeanS / alone.ttftMeanS)} ×`;
      }),
    ];
  });
  return table(['workload', '1 router', '2', '4', '4 that share nothing'], rows);
}

function overloadTable(overload: readonly OverloadFigures[]): string {
  const rows = overload.map((one) => [
    `${one.workload}, ${one.ratePerS.toFixed(1)}/s`,
    one.isHeld ? 'kept back' : 'sent at once',
    `${one.urgentP50S.toFixed(2)} s`,
    `${one.urgentP90S.toFixed(2)} s`,
    `${one.otherP50S.toFixed(1)} s`,
    one.answersPerS.toFixed(1),
    `${(100 * one.refusedShare).toFixed(0)} %`,
  ]);
  const head = ['requests', 'the others are', 'urgent: TTFT p50', 'p90', 'others: p50'];
  return table([...head, 'answers/s', 'refused'], rows);
}

function details(one: CaseResult): string {
  const rows = Object.entries(one.summaries).map(([name, summary]) => [
    name === own ? `**${name}**` : name,
    `${(100 * summary.hit).toFixed(1)} %`,
    summary.ttftMeanS.toFixed(3),
    summary.ttftP50S.toFixed(3),
    summary.ttftP99S.toFixed(2),
    summary.tokensPerS.toFixed(0),
    summary.imbalance.toFixed(2),
  ]);
  const head = ['rule', 'hit', 'TTFT mean (s)', 'p50', 'p99', 'answer tokens/s', 'imbalance'];
  return `### ${titleOf(one)}\n\n${one.requests} requests a seed.\n\n${table(head, rows)}\n`;
}

/** Plots of mean TTFT over the rate, by file name. */
export function renderPlots(cases: readonly CaseResult[]): Map<string, string> {
  const plots = new Map<string, string>();
  const comparable = cases.filter(
    ({ replicas, routers, kvTokens }) => replicas === 8 && routers === 1 && kvTokens === 308_000,
  );
  for (const [workload, group] of Map.groupBy(comparable, (one) => one.workload)) {
    const names = Object.keys(group[0]?.summaries ?? {});
    const lines = names.map((name) => ({
      name,
      isOwn: name === own,
      points: group.map(({ rate, summaries }) => ({
        x: rate,
        y: summaries[name]?.ttftMeanS ?? Number.NaN,
      })),
    }));
    const x = workload === 'mooncake' ? 'times the recorded speed' : 'arrivals a second';
    plots.set(`${workload}.svg`, plot(`${workload}, 8 replicas`, x, 'mean TTFT (s)', lines));
  }
  return plots;
}

/** The page of figures, from one run. */
export function renderPage(results: Results): string {
  const { cases, decision, engines, several, overload, date, machine, seeds } = results;
  const images = [...renderPlots(cases).keys()].map((file) => `![${file}](plots/${file})`);
  return `# Figures of balancing

Written by \`make bench-routing\`; do not edit. ${date}, ${machine}.

Virtual time: replicas are a model (\`replica.ts\`: continuous batching, prefill in chunks of 8,192 tokens,
15,928 prompt tokens a second, an LRU prefix cache in 308,000 tokens of key-value memory unless said
otherwise, steps that get longer with the contexts in them), so figures say how rules compare, not what
your engines will do. Our rule runs with the router's own code (\`router/balance/\`); peers' rules are made
after their documents (\`rules/\`), with prefix indexes as good as ours and, for GAIE, engine metrics 50 ms
old. A block is there for others from the step on that computes it, as in vLLM. Mean of ${seeds} seeds; of the
Mooncake trace, of as many parts as there are. With several routers each request comes in at any of them;
ours tell each other what they do, which is 30 ms old, peers share nothing.

## Against the best peer

Each figure beside the best that any of nine peers reached in that case, seed by seed: geometric mean, ± two
standard errors; below 1 is sooner; for hits above 1 is more. Bold: worse by more than that noise and by more than
1 %. The peer that is best is another one from case to case.

${verdict(cases)}

${overview(cases)}

${images.join('\n')}

## Several routers

Hits and mean TTFT of our rule, and how many times that with several routers, each request at any of them.
Mooncake's times are whole multiples of three seconds, so that many requests come in the same instant, in
which routers know nothing of each other.

${routersTable(several)}

## Overload

Eight replicas get a tenth of what they can take, then three times as much as they can take for 120 s. A tenth
of the requests has the higher priority. Of those that come after 40 s:

${overloadTable(overload)}

## The cost of a decision

A prompt of ${decision.promptKb} KB, ${decision.replicas} replicas, ${decision.indexBlocks.toLocaleString('en')} blocks in the index, all of it: hashing, looking up,
choosing, taking the place, adding the prompt to the index. Quantiles over 200 prompts, of the median of 25
decisions each, so that what else ran on the machine does not count.

${table(
  ['', 'p50 (µs)', 'p99 (µs)'],
  [
    ['decision', decision.decisionUs.p50.toFixed(1), decision.decisionUs.p99.toFixed(1)],
    ['of it, hashing', decision.hashUs.p50.toFixed(1), decision.hashUs.p99.toFixed(1)],
    [
      'hashing, each KB',
      (decision.hashUs.p50 / decision.promptKb).toFixed(2),
      (decision.hashUs.p99 / decision.promptKb).toFixed(2),
    ],
  ],
)}

Index: ${(decision.indexBytes / 2 ** 20).toFixed(1)} MiB. Garbage of one decision and its release: ${decision.garbageBytes.toFixed(0)} bytes, by the
heap profiler's samples:

${table(
  ['allocated in', 'bytes a decision'],
  decision.garbage.map(({ where, bytes }) => [where, bytes.toFixed(0)]),
)}

${renderEngines(engines)}## Every rule

${cases.map(details).join('\n')}`;
}
