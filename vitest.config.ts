import { defineConfig } from 'vitest/config';
import { SummaryReporter } from './hack/test/summary-reporter.ts';

const onCluster = { fileParallelism: false, testTimeout: 120_000, hookTimeout: 900_000 };

/**
 * Five layers, run in this order: `unit` beside the code; `api`, whose files each bring up the API server
 * and the node they need, two side by side; `cluster`, whose files need the machine for themselves;
 * `conformance`, real engines and client libraries on the loopback; `e2e`, which installs the chart once
 * on a real two-node cluster.
 */
export default defineConfig({
  test: {
    reporters: ['default', new SummaryReporter()],
    coverage: {
      provider: 'v8',
      include: ['{crds,kube,operator,protocol,router,telemetry}/**/*.ts'],
    },
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            '{bench,charts,crds,examples,hack,kube,operator,protocol,router,telemetry}/**/*.test.ts',
          ],
          exclude: ['hack/cluster/cluster.test.ts', '**/node_modules/**'],
          maxWorkers: 2,
          // A deadline against hanging, not a measure: a busy machine may take long for little.
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...onCluster,
          name: 'api',
          include: ['test/{crds,kube,operator}/**/*.test.ts'],
          fileParallelism: true,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...onCluster,
          name: 'cluster',
          include: ['hack/cluster/cluster.test.ts', 'test/**/*.test.ts'],
          exclude: ['test/{conformance,crds,e2e,kube,operator}/**'],
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          ...onCluster,
          name: 'conformance',
          include: ['test/conformance/*.test.ts'],
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          ...onCluster,
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/e2e/setup.ts'],
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
