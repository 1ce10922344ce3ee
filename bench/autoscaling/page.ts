import type { Outcome, Setting } from './simulate.ts';
import type { Workload } from './workloads.ts';

/** What each rule came to on one workload. */
export interface Case {
  workload: Pick<Workload, 'name' | 'about'>;
  outcomes: readonly { rule: string; outcome: Outcome }[];
}

/** The page, in Markdown. */
export function renderPage(cases: readonly Case[], setting: Setting): string {
  return `# Autoscaling rules side by side

<!-- Written by \`make bench-autoscaling\`; do not edit. -->

The same load, played to the operator's own policy and to three others in virtual time
(\`bench/autoscaling/\`). A replica works on ${setting.concurrency} requests at once, takes ${setting.coldStartS} s to start, and there are at most
${setting.maxReplicas}. Every rule has its defaults and the same target, ${setting.concurrency} requests to a replica, and each but the
HorizontalPodAutoscaler starts a first replica as soon as a request comes. The others are made anew from their
documentation: KubeAI's mean over ten minutes, Knative's stable and panic window, the
HorizontalPodAutoscaler's rule on the external metric, at least one replica.

- *replica hours*: from the decision to make a replica until it was gone, what you pay for;
- *waited*: requests that waited for longer than a second before a replica took them up;
- *wait*: of all requests, in seconds.

${cases.map(section).join('\n\n')}
`;
}

function section({ workload, outcomes }: Case): string {
  const rows = outcomes.map(({ rule, outcome }) => {
    const share = ((100 * outcome.waited) / Math.max(1, outcome.requests)).toFixed(1);
    return `| ${rule} | ${outcome.replicaHours.toFixed(1)} | ${outcome.waited} (${share} %) | ${outcome.meanWaitS.toFixed(1)} | ${outcome.p99WaitS.toFixed(0)} | ${outcome.starts} |`;
  });
  const requests = outcomes[0]?.outcome.requests ?? 0;
  return `## ${workload.name[0]?.toUpperCase()}${workload.name.slice(1)}

${requests} requests: ${workload.about}.

| rule | replica hours | waited | mean wait | p99 wait | starts |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}`;
}
