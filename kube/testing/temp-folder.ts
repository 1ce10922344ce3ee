import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Makes an empty folder that goes with all it holds when the present test is over, and gives its path. */
export function tempFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'fairlead-test-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
