import type { Reporter, TestCase, TestModule } from 'vitest/node';

const slowestShown = 10;

/** Prints the slowest tests and, as the last line, `N passed, N failed, N skipped` over all that ran. */
export class SummaryReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, unhandledErrors: ReadonlyArray<unknown>): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const brokenFiles = modules.filter((module) => module.errors().length > 0);
    const count = (state: string): number =>
      tests.filter((test) => test.result().state === state).length;
    const failed = count('failed') + brokenFiles.length + unhandledErrors.length;

    const slowest = [...tests].sort((a, b) => durationMs(b) - durationMs(a)).slice(0, slowestShown);
    console.log('\nSlowest tests:');
    for (const test of slowest) {
      console.log(`  ${(durationMs(test) / 1000).toFixed(1).padStart(6)} s  ${test.fullName}`);
    }
    console.log(`\n${count('passed')} passed, ${failed} failed, ${count('skipped')} skipped`);
  }
}

function durationMs(test: TestCase): number {
  return test.diagnostic()?.duration ?? 0;
}
