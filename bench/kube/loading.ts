import { execFileSync } from 'node:child_process';
import { median } from './workers.ts';

/** What importing a package costs a process: time and memory, medians of five processes. */
export function measureLoading(): Record<string, { ms: number; rssMb: number }> {
  const result: Record<string, { ms: number; rssMb: number }> = {};
  for (const name of ['@kubernetes/client-node', 'undici']) {
    const script = `const rss = process.memoryUsage().rss, from = performance.now();
      await import('${name}');
      console.log(JSON.stringify([performance.now() - from, (process.memoryUsage().rss - rss) / 2 ** 20]));`;
    const runs = Array.from({ length: 5 }, () => {
      const options = { encoding: 'utf8', cwd: import.meta.dirname } as const;
      const output = execFileSync(
        process.execPath,
        ['--input-type=module', '--eval', script],
        options,
      );
      return JSON.parse(output) as [number, number];
    });
    result[name] = { ms: median(runs.map(([ms]) => ms)), rssMb: median(runs.map(([, mb]) => mb)) };
  }
  return result;
}
