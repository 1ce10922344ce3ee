import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { dashboards } from '../../charts/dashboards/generate.ts';
import { usesOf } from '../../charts/dashboards/testing/promql.ts';
import type { PrometheusProcess } from './prometheus.ts';

/** A query that a dashboard or an alert puts to Prometheus, and the labels its answer must have. */
export interface Question {
  /** Such as `scaling: Decisions`. */
  readonly name: string;
  readonly expr: string;
  readonly labels: readonly string[];
}

const alertsPath = join(import.meta.dirname, '../../charts/fairlead/observability/alerts.yaml');

/** All queries of the dashboards, for every model, with windows of a short run. */
export function dashboardQuestions(): Question[] {
  return dashboards.flatMap(({ name, rows }) =>
    rows.flatMap(({ panels }) =>
      panels.flatMap(({ title, queries }) =>
        queries.map(({ expr, legend }) => ({
          name: `${name}: ${title}`,
          expr: expr
            .replaceAll('$__rate_interval', '1m')
            .replaceAll('$__range', '10m')
            .replaceAll('$model', '.+'),
          labels: [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label),
        })),
      ),
    ),
  );
}

/** What each alert's expression reads: a healthy system has these series, and the expression has no result. */
export async function alertQuestions(): Promise<Question[]> {
  const { groups } = parse(await readFile(alertsPath, 'utf8')) as {
    groups: { rules: { alert: string; expr: string }[] }[];
  };
  return groups.flatMap(({ rules }) =>
    rules.flatMap(({ alert, expr }) =>
      usesOf(expr).map(({ metric, selector, labels }) => ({
        name: `${alert}: ${metric}`,
        expr: selector,
        labels,
      })),
    ),
  );
}

/** Names of the questions that Prometheus has no answer to, or none with all labels. */
export async function unanswered(
  prometheus: PrometheusProcess,
  questions: readonly Question[],
): Promise<string[]> {
  const open = new Set<string>();
  for (const { name, expr, labels } of questions) {
    const series = await prometheus.query(expr);
    const answered = series.some(
      ({ metric, value }) => value[1] !== 'NaN' && labels.every((label) => metric[label]),
    );
    if (!answered) open.add(name);
  }
  return [...open];
}
