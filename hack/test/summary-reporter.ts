import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node';

const slowestShown = 10;

/**
 * Ends the output with the slowest tests, each failure in short, and, as the last line,
 * `N passed, N failed, N skipped` over all that ran. The failures are repeated here since a log kept by
 * others is often cut to its end.
 */
export class SummaryReporter implements Reporter {
  onTestRunEnd(
    modules: ReadonlyArray<TestModule>,
    unhandledErrors: ReadonlyArray<SerializedError>,
  ): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state: string): number =>
      tests.filter((test) => test.result().state === state).length;

    const slowest = [...tests].sort((a, b) => durationMs(b) - durationMs(a)).slice(0, slowestShown);
    console.log('\nSlowest tests:');
    for (const test of slowest) {
      console.log(`  ${(durationMs(test) / 1000).toFixed(1).padStart(6)} s  ${test.fullName}`);
    }

    const failures = [
      ...tests.filter((test) => test.result().state === 'failed').map(describeTest),
      ...modules.flatMap((module) =>
        module.errors().length > 0 ? [describe(module.relativeModuleId, module.errors())] : [],
      ),
      ...unhandledErrors.map((error) => describe('outside of any test', [error])),
    ];
    if (failures.length > 0) console.log(`\nFailed:\n${failures.join('\n')}`);
    console.log(
      `\n${count('passed')} passed, ${failures.length} failed, ${count('skipped')} skipped`,
    );
  }
}

function describeTest(test: TestCase): string {
  const where = `${test.module.relativeModuleId} > ${test.fullName}`;
  return describe(where, test.result().errors ?? []);
}

/** The place on one line, then each error's message and the first line of its stack. */
function describe(where: string, errors: ReadonlyArray<SerializedError>): string {
  const lines = errors.map(({ message, stack }) => {
    const frame = stack?.split('\n').find((line) => /^\s+at .*\.ts:\d+/.test(line)) ?? '';
    return `    ${message.slice(0, 600)}\n  ${frame}`;
  });
  return [`  ${where}`, ...lines].join('\n');
}

function durationMs(test: TestCase): number {
  return test.diagnostic()?.duration ?? 0;
}
