import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Case, renderPage } from './page.ts';
import { Fairlead } from './rules/fairlead.ts';
import { Hpa } from './rules/hpa.ts';
import { Knative } from './rules/knative.ts';
import { KubeAi } from './rules/kubeai.ts';
import type { Rule } from './rules/rule.ts';
import { type Setting, simulate } from './simulate.ts';
import { workloads } from './workloads.ts';

const setting: Setting = { concurrency: 8, coldStartS: 60, maxReplicas: 20 };

/**
 * Plays every workload to every rule and writes docs/autoscaling-rules.md anew.
 * `--trace PATH` (or MOONCAKE_TRACE): Mooncake's conversation trace; without it that workload is left out.
 */
function main(): void {
  const { values } = parseArgs({ options: { trace: { type: 'string' } } });
  const trace = values.trace ?? (process.env.MOONCAKE_TRACE || undefined);
  const { concurrency } = setting;
  const rules: (() => Rule)[] = [
    () => new Fairlead(concurrency),
    () => new KubeAi(concurrency),
    () => new Knative(concurrency),
    () => new Hpa(concurrency),
  ];
  const cases = workloads(trace).map((workload): Case => {
    const outcomes = rules.map((make) => {
      const rule = make();
      return { rule: rule.name, outcome: simulate(workload, rule, setting) };
    });
    return { workload, outcomes };
  });
  const page = new URL('../../docs/autoscaling-rules.md', import.meta.url);
  writeFileSync(page, renderPage(cases, setting));
}

main();
