import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type ClientResult, differencesOf } from './compare.ts';
import { pagePath, sectionIn } from './page.ts';
import { runConformance } from './run.ts';
import { testedUpstreams } from './tested.ts';
import { upstreamNames } from './upstreams.ts';

const page = await readFile(join(import.meta.dirname, '../..', pagePath), 'utf8');
describe.each(testedUpstreams(upstreamNames))('%s', (name) => {
  let results: ClientResult[] = [];
  beforeAll(async () => {
    results = await runConformance(name, console.log);
  }, 900_000);

  test('every client sees through the router what it sees directly', () => {
    expect(differencesOf(results)).toEqual([]);
  });

  test('the compatibility page has every client, with its checks and no difference', () => {
    const rows = sectionIn(page, name).split('\n');
    for (const { client, comparisons } of results) {
      const row = rows.find((text) => text.startsWith(`| ${client} | ${comparisons.length} |`));
      expect(row, `${client} is not as in ${pagePath}: make conformance`).toMatch(/\| 0 \|$/);
    }
  });
});
