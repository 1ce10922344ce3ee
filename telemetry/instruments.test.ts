import fc from 'fast-check';
import * as promClient from 'prom-client';
import { expect, test } from 'vitest';
import type { MetricDefinition } from './contract/metric.ts';
import { Counter, Gauge, Histogram } from './instruments.ts';

const define = (type: MetricDefinition['type'], buckets?: number[]): MetricDefinition => ({
  name: type === 'counter' ? 'things_total' : 'things',
  type,
  unit: '1',
  help: 'Things',
  labels: ['gen_ai_request_model', 'code'],
  ...(buckets && { buckets }),
});

type Known = 'gen_ai_request_model' | 'code';
const labelsOf = fc.record(
  { gen_ai_request_model: fc.constantFrom('m', 'a"b\\c\nd'), code: fc.constantFrom('200', '500') },
  { requiredKeys: ['gen_ai_request_model'] },
);
const render = (metric: object) => {
  const registry = new promClient.Registry();
  registry.registerMetric(metric as promClient.Metric);
  return registry.metrics();
};
/** Series in any order, labels sorted. */
const lines = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/\{(.*)\}/, (_, all) => `{${all.split('",').sort()}}`))
    .sort();

test('whatever is observed is shown as prom-client shows it', async () => {
  const bounds = [0.5, 1, 4];
  const updates = fc.array(fc.tuple(labelsOf, fc.double({ min: 0, max: 5, noNaN: true })));
  await fc.assert(
    fc.asyncProperty(updates, async (observed) => {
      const theirs = new promClient.Histogram({
        ...{ name: 'things', help: 'Things', buckets: bounds, registers: [] },
        labelNames: ['gen_ai_request_model', 'code'],
      });
      const counted = new promClient.Counter({
        ...{ name: 'things_total', help: 'Things', registers: [] },
        labelNames: ['gen_ai_request_model', 'code'],
      });
      const ours = new Histogram<Known>(define('histogram', bounds));
      const ourCount = new Counter<Known>(define('counter'));
      for (const [labels, value] of observed) {
        theirs.observe(labels, value);
        ours.observe(labels, value);
        counted.inc(labels, value);
        ourCount.inc(labels, value);
      }
      expect(lines(await render(ours))).toEqual(lines(await render(theirs)));
      expect(lines(await render(ourCount))).toEqual(lines(await render(counted)));
    }),
    { numRuns: 100 },
  );
});

test('a value on a bound belongs to that bound’s bucket', async () => {
  const histogram = new Histogram<Known>(define('histogram', [1, 2]));
  histogram.observe({ code: '200' }, 1);
  const text = await render(histogram);
  expect(text).toContain('things_bucket{le="1",code="200"} 1\n');
  expect(text).toContain('things_count{code="200"} 1\n');
});

test('series go when nothing keeps them, and with a reset', async () => {
  const gauge = new Gauge<Known>(define('gauge'));
  gauge.set({ gen_ai_request_model: 'a' }, 3);
  gauge.set({ gen_ai_request_model: 'b' }, 4);
  gauge.dec({ gen_ai_request_model: 'b' });
  gauge.retain(({ gen_ai_request_model }) => gen_ai_request_model === 'b');
  expect(await render(gauge)).toMatch(/gauge\nthings\{gen_ai_request_model="b"\} 3\n$/);
  gauge.reset();
  expect(await render(gauge)).not.toContain('{');
});

test('what has no labels is shown from the beginning', async () => {
  const counter = new Counter<never>({ ...define('counter'), labels: [] });
  expect(await render(counter)).toContain('things_total 0\n');
});

test('an empty label is an absent one', async () => {
  const counter = new Counter<Known>(define('counter'));
  counter.inc({ gen_ai_request_model: 'm' });
  counter.inc({ gen_ai_request_model: 'm', code: '' });
  expect(await render(counter)).toContain('things_total{gen_ai_request_model="m"} 2\n');
});
