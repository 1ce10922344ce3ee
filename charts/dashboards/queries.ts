import type { Panel, Query } from './dashboard.ts';

export const query = (expr: string, legend: string): Query => ({ expr, legend });

/** A chart a third wide. */
export function chart(title: string, unit: string, ...queries: readonly Query[]): Panel {
  return { title, kind: 'timeseries', unit, queries };
}

/** One figure: the value now. */
export function stat(title: string, unit: string, expr: string): Panel {
  return { title, kind: 'stat', unit, queries: [query(expr, '')] };
}

/** The chosen models. */
export const model = 'gen_ai_request_model=~"$model"';

/** `rate` of a counter over the dashboard's resolution. */
export const rate = (series: string): string => `rate(${series}[$__rate_interval])`;

/** Sum of a counter's rates, by labels. */
export const sumRate = (series: string, by = ''): string =>
  `sum${by && ` by (${by})`} (${rate(series)})`;

/** The median, the 95th and the 99th percentile of a histogram. */
export function percentiles(histogram: string, selector = model): Query[] {
  return [0.5, 0.95, 0.99].map((quantile) => ({
    expr: percentile(quantile, histogram, selector),
    legend: `p${quantile * 100}`,
  }));
}

export function percentile(quantile: number, histogram: string, selector = model, by = ''): string {
  const labels = by ? `le, ${by}` : 'le';
  return `histogram_quantile(${quantile}, ${sumRate(`${histogram}_bucket{${selector}}`, labels)})`;
}

export const failed = `fairlead_requests_total{${model},outcome=~"server_error|timeout|rejected"}`;
export const requests = `fairlead_requests_total{${model}}`;

/** Replicas in a state, as the operator that leads tells. */
export const replicas = (state: string): string =>
  `sum (max by (gen_ai_request_model, namespace) (fairlead_model_replicas{${model},state="${state}"}))`;
