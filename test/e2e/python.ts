import { join } from 'node:path';
import { runCommand } from '../../hack/command.ts';
import { ensurePythonEnvironment } from '../../hack/python-environment.ts';

const folder = join(import.meta.dirname, 'python');

/** Runs a script of `python/` in a virtual environment with the pinned SDK; returns its JSON output. */
export async function runPython<T>(
  script: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<T> {
  const environment = await ensurePythonEnvironment({
    name: 'e2e',
    requirements: join(folder, 'requirements.txt'),
  });
  const output = await runCommand(
    join(environment, 'bin/python'),
    [join(folder, script), ...args],
    { env },
  );
  return JSON.parse(output) as T;
}
