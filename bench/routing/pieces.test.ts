import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Pieces } from './pieces.ts';

const folder = mkdtempSync(join(tmpdir(), 'pieces-'));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a run that was ended goes on where it was, and does nothing twice', async () => {
  const path = join(folder, 'pieces.jsonl');
  const runs: string[] = [];
  const piece = (name: string) => () => {
    runs.push(name);
    return { name };
  };
  const first = new Pieces(path, 60);
  expect(await first.do('a', piece('a'))).toEqual({ name: 'a' });
  const late = new Pieces(path, -1);
  expect(await late.do('a', piece('a'))).toEqual({ name: 'a' });
  expect(await late.do('b', piece('b'))).toBeUndefined();
  expect(late.left).toBe(1);
  const last = new Pieces(path, 60);
  expect(await last.do('b', piece('b'))).toEqual({ name: 'b' });
  expect(last.left).toBe(0);
  expect(runs).toEqual(['a', 'b']);
});
