import { expect, test } from 'vitest';
import { renderPage } from './page.ts';
import { Fairlead } from './rules/fairlead.ts';
import { Hpa } from './rules/hpa.ts';
import { Knative } from './rules/knative.ts';
import { KubeAi } from './rules/kubeai.ts';
import { type Setting, simulate } from './simulate.ts';
import type { Workload } from './workloads.ts';

const setting: Setting = { concurrency: 2, coldStartS: 10, maxReplicas: 5 };
const workload = (untilS: number, ...arrivals: [atS: number, workS: number][]): Workload => ({
  name: 'test',
  about: 'a test',
  untilS,
  arrivals: arrivals.map(([atS, workS]) => ({ atS, workS })),
});

test('one request at zero waits for the cold start, and the replica goes when it is idle', () => {
  const outcome = simulate(workload(3600, [100, 5]), new Fairlead(2), setting);
  expect(outcome).toMatchObject({ requests: 1, waited: 1, meanWaitS: 10, p99WaitS: 10, starts: 1 });
  expect(outcome.replicaHours).toBeCloseTo((10 + 5 + 600) / 3600, 2);
});

test('a replica takes as many as it can at once, the next one waits for it', () => {
  const burst = workload(1000, [0, 20], [0, 20], [0, 20]);
  const fixed = {
    name: 'fixed',
    periodS: undefined,
    decide: () => ({ desired: 1, againInS: 900 }),
  };
  const outcome = simulate(burst, fixed, setting);
  expect(outcome).toMatchObject({ requests: 3, waited: 3, starts: 1 });
  expect(outcome.meanWaitS).toBeCloseTo((10 + 10 + 30) / 3);
});

test('a replica that is too many finishes what it has', () => {
  const rule = {
    name: 'drop',
    periodS: undefined,
    decide: ({ nowS }: { nowS: number }) => ({ desired: nowS < 20 ? 1 : 0, againInS: 20 }),
  };
  const outcome = simulate(workload(100, [0, 50]), rule, setting);
  expect(outcome.requests).toBe(1);
  expect(outcome.replicaHours * 3600).toBeCloseTo(60);
});

test.each([
  ['Fairlead', () => new Fairlead(2)],
  ['KubeAI', () => new KubeAi(2)],
  ['Knative', () => new Knative(2)],
  ['HPA', () => new Hpa(2)],
])('%s serves a steady load with about what it takes, and lets go afterwards', (_, make) => {
  const steady = Array.from({ length: 3600 }, (_, at): [number, number] => [at, 4]);
  const outcome = simulate(workload(7200, ...steady), make(), setting);
  expect(outcome.requests).toBe(3600);
  expect(outcome.waited).toBeLessThan(600);
  expect(outcome.replicaHours).toBeGreaterThan(2);
  expect(outcome.replicaHours).toBeLessThan(6.2);
});

test('the page has a table for each workload', () => {
  const outcome = simulate(workload(100, [0, 1]), new Fairlead(2), setting);
  const page = renderPage(
    [{ workload: { name: 'test', about: 'a test' }, outcomes: [{ rule: 'Fairlead', outcome }] }],
    setting,
  );
  expect(page).toContain('## Test\n\n1 requests: a test.');
  expect(page).toMatch(/\| Fairlead \| 0\.0 \| 1 \(100\.0 %\) \| 10\.0 \| 10 \| 1 \|/);
});
