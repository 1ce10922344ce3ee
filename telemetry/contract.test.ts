import { expect, test } from 'vitest';
import { type MetricDefinition, routerMetrics } from './contract.ts';

const metrics: MetricDefinition[] = Object.values(routerMetrics);

test.each(metrics)('$name keeps Prometheus’ rules', ({ name, type, help, labels, buckets }) => {
  expect(name).toMatch(/^(gen_ai|fairlead)_[a-z_]+[a-z]$/);
  expect(name.endsWith('_total')).toBe(type === 'counter');
  expect(name).not.toMatch(/_(ms|milliseconds|minutes|kb|mb)(_|$)/);
  expect(help).toMatch(/^[A-Z].*[^.]$/);
  for (const label of labels) expect(label).toMatch(/^[a-z_]+$/);
  expect(buckets !== undefined).toBe(type === 'histogram');
  expect(buckets ?? []).toEqual([...(buckets ?? [])].sort((a, b) => a - b));
  expect(new Set(buckets).size).toBe(buckets?.length ?? 0);
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
