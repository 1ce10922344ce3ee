import type { SpanContext } from '@opentelemetry/api';
import { expect, test } from 'vitest';
import { createSampling } from './sampling.ts';

/** By the ratio sampler these are the first and the last trace. */
const [low, high] = ['0'.repeat(31).concat('1'), 'f'.repeat(8).concat('0'.repeat(24))];
const parent = (traceFlags: number) => ({ traceFlags, isRemote: true }) as SpanContext;

test.each<[name: string | undefined, ratio: string | undefined, taken: string]>([
  ['always_on', undefined, 'low high sampled unsampled'],
  ['always_off', undefined, ''],
  ['traceidratio', '0.5', 'low sampled unsampled'],
  ['parentbased_always_on', undefined, 'low high sampled'],
  ['parentbased_always_off', undefined, 'sampled'],
  ['parentbased_traceidratio', '0.1', 'low sampled'],
  ['parentbased_traceidratio', '0', 'sampled'],
  ['parentbased_traceidratio', '', 'low high sampled'],
  ['parentbased_traceidratio', '10 %', 'low high sampled'],
  ['parentbased_traceidratio', '2', 'low high sampled'],
  ['something_else', undefined, 'low high sampled'],
  [undefined, undefined, 'low high sampled'],
])('%s, %s takes: %s', (name, ratio, taken) => {
  const samples = createSampling({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: ratio });
  const traces = {
    low: samples(low, undefined),
    high: samples(high, undefined),
    sampled: samples(low, parent(1)),
    unsampled: samples(low, parent(0)),
  };
  const names = Object.entries(traces).flatMap(([of, isTaken]) => (isTaken ? [of] : []));
  expect(names.join(' ')).toBe(taken);
});
