import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { findVllm } from '../../hack/vllm/install.ts';
import { type ClientResult, differencesOf } from './compare.ts';
import { pagePath, sectionIn, sectionOf } from './page.ts';
import { runConformance } from './run.ts';
import { upstreamNames } from './upstreams.ts';

const page = await readFile(join(import.meta.dirname, '../..', pagePath), 'utf8');
const hasVllm = (await findVllm()) !== undefined;
if (!hasVllm && !process.env.CI) {
  console.log('vLLM is not installed, so its conformance is left out. To include it: make vllm');
}
const wanted = upstreamNames.filter((name) => name !== 'vLLM' || hasVllm || process.env.CI);

describe.each(wanted)('%s', (name) => {
  let results: ClientResult[] = [];
  beforeAll(async () => {
    results = await runConformance(name, console.log);
  }, 900_000);

  test('every client sees through the router what it sees directly', () => {
    expect(differencesOf(results)).toEqual([]);
  });

  test('the compatibility page says what was seen', () => {
    expect(sectionIn(page, name)).toBe(sectionOf(name, results));
  });
});
