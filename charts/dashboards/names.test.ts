import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { dashboards } from './generate.ts';
import { knownMetrics } from './testing/known-metrics.ts';
import { usesOf, withoutVariables } from './testing/promql.ts';

const alertsPath = join(import.meta.dirname, '../fairlead/observability/alerts.yaml');
const { groups } = parse(await readFile(alertsPath, 'utf8')) as {
  groups: { rules: { alert: string; expr: string }[] }[];
};
const alerts = groups.flatMap(({ rules }) => rules.map(({ alert, expr }) => [alert, expr]));
const queries = dashboards.flatMap(({ name, rows }) =>
  rows.flatMap(({ panels }) =>
    panels.flatMap(({ title, queries }) =>
      queries.map(({ expr, legend }) => [`${name}: ${title} (${legend})`, expr]),
    ),
  ),
);
const known = await knownMetrics();

test.each([...alerts, ...queries])('%s names metrics and labels that exist', (_name, expr) => {
  const uses = usesOf(withoutVariables(String(expr)));
  expect(uses).not.toEqual([]);
  for (const { metric, labels } of uses) {
    expect([...known.keys()]).toContain(metric);
    for (const label of labels) expect([...(known.get(metric) ?? [])], metric).toContain(label);
  }
});

test('what queries take for granted is found wherever it stands', () => {
  expect(usesOf('sum by (a) (rate(x{b="1"}[5m])) / on (c) group_left (d) y and on (e) z')).toEqual([
    { metric: 'x', selector: 'x{b="1"}', labels: ['b', 'e', 'c', 'a'] },
    { metric: 'y', selector: 'y', labels: ['e', 'c'] },
    { metric: 'z', selector: 'z', labels: ['e'] },
  ]);
  expect(() => usesOf('sum by (rate(x)')).toThrow(SyntaxError);
});
