import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { runCommand } from '../../hack/command.ts';
import { ensurePrometheus } from '../../hack/prometheus.ts';
import { type AlertCase, alertCases, type Series } from './alert-cases.ts';

const rulesPath = join(import.meta.dirname, '../../charts/fairlead/observability/alerts.yaml');
interface Rule {
  alert: string;
  labels: { severity: string };
  annotations: Record<string, string>;
}
const { groups } = parse(await readFile(rulesPath, 'utf8')) as { groups: { rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);
const severityOf = (alert: string) => rules.find((rule) => rule.alert === alert)?.labels.severity;

let promtool = '';
let folder = '';
beforeAll(async () => {
  promtool = (await ensurePrometheus()).promtoolPath;
  folder = await mkdtemp(join(tmpdir(), 'fairlead-alerts-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** One of promtool's tests: what the series of its ALERTS are at the end. */
function promtoolTest(
  name: string,
  { alert, afterMinutes }: AlertCase,
  series: Series,
  samples: unknown[],
) {
  const fired = `ALERTS{alertname="${alert}",alertstate="firing"}`;
  const expr = `max without (alertstate) (max_over_time(${fired}[${afterMinutes}m]))`;
  return {
    name: `${alert} ${name}`,
    interval: '1m',
    input_series: Object.entries(series).map(([key, values]) => ({ series: key, values })),
    promql_expr_test: [{ expr, eval_time: `${afterMinutes}m`, exp_samples: samples }],
  };
}

function firing(one: AlertCase) {
  const all = { ...one.labels, alertname: one.alert, severity: severityOf(one.alert) };
  const labels = Object.entries(all).map(([key, value]) => `${key}="${value}"`);
  return promtoolTest('fires', one, one.fires, [{ labels: `{${labels.join()}}`, value: 1 }]);
}

const silent = (one: AlertCase) => promtoolTest('is silent', one, one.silent, []);

test('promtool finds nothing wrong in the rules', async () => {
  expect(await runCommand(promtool, ['check', 'rules', rulesPath])).toContain('SUCCESS');
});

test('every alert has a case, and every label that its text names is there', () => {
  expect(alertCases.map(({ alert }) => alert).sort()).toEqual(
    rules.map(({ alert }) => alert).sort(),
  );
  for (const { alert, labels } of alertCases) {
    const annotations = rules.find((rule) => rule.alert === alert)?.annotations ?? {};
    for (const [, label] of Object.values(annotations)
      .join()
      .matchAll(/\$labels\.(\w+)/g))
      expect(Object.keys(labels), `${alert} names ${label}`).toContain(label);
  }
});

test.each(['fires', 'is silent'])('in its case every alert %s', async (what) => {
  const tests = alertCases.map(what === 'fires' ? firing : silent);
  const path = join(folder, `${what.replace(' ', '-')}.yaml`);
  const file = { rule_files: [rulesPath], evaluation_interval: '1m', tests };
  await writeFile(path, stringify(file));
  expect(await runCommand(promtool, ['test', 'rules', path])).toContain('SUCCESS');
});
