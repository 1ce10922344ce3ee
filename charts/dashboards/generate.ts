import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Dashboard, toGrafana } from './dashboard.ts';
import { modelDetail } from './model-detail.ts';
import { scaling } from './scaling.ts';
import { servingOverview } from './serving-overview.ts';

/** All dashboards of the chart. */
export const dashboards: readonly Dashboard[] = [servingOverview, modelDetail, scaling];

const folder = join(import.meta.dirname, '../fairlead/observability/dashboards');

/** Each generated file's path and content. */
export function dashboardFiles(): { path: string; content: string }[] {
  return dashboards.map((dashboard) => ({
    path: join(folder, `${dashboard.name}.json`),
    content: `${JSON.stringify(toGrafana(dashboard), null, 2)}\n`,
  }));
}

/** Writes the dashboards into the chart, or with --check tells which files are not as generated. */
if (import.meta.main) {
  for (const { path, content } of dashboardFiles()) {
    if (process.argv.includes('--check')) {
      const present = await readFile(path, 'utf8').catch(() => '');
      if (present === content) continue;
      console.error(`${path} is not as generated. Run: make generate`);
      process.exitCode = 1;
    } else {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, content);
    }
  }
}
