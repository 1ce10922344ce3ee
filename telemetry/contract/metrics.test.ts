import { expect, test } from 'vitest';
import { commonMetrics } from './common-metrics.ts';
import type { MetricDefinition } from './metric.ts';
import { operatorMetrics } from './operator-metrics.ts';
import { routerMetrics } from './router-metrics.ts';

const metrics: MetricDefinition[] = [routerMetrics, operatorMetrics, commonMetrics].flatMap((all) =>
  Object.values(all),
);

test.each(metrics)('$name keeps Prometheus’ rules', (metric) => {
  const { name, type, unit, help, labels, buckets } = metric;
  expect(name).toMatch(/^(gen_ai|fairlead)_[a-z_]+[a-z]$/);
  expect(name.endsWith('_total')).toBe(type === 'counter');
  expect(name).not.toMatch(/_(ms|milliseconds|minutes|kb|mb)(_|$)/);
  expect(/_seconds(_total)?$/.test(name)).toBe(unit === 's');
  expect(help).toMatch(/^[A-Z].*[^.]$/);
  for (const label of labels) expect(label).toMatch(/^[a-z_]+$/);
  expect(buckets !== undefined).toBe(type === 'histogram');
  expect(buckets ?? []).toEqual([...(buckets ?? [])].sort((a, b) => a - b));
  expect(new Set(buckets).size).toBe(buckets?.length ?? 0);
});

test('no name stands for two metrics', () => {
  expect(new Set(metrics.map(({ name }) => name)).size).toBe(metrics.length);
});

test('request histograms know no pod', () => {
  for (const { type, labels } of metrics) {
    if (type === 'histogram') expect(labels.join()).not.toMatch(/pod|backend|instance/);
  }
});

test('durations go up to eleven minutes, tokens to 67 million', () => {
  expect(routerMetrics.requestDuration.buckets.at(-1)).toBe(655.36);
  expect(routerMetrics.tokenUsage.buckets.at(-1)).toBe(67_108_864);
});
