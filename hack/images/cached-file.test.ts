import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cachedFile } from './cached-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cached-file-'));
});
afterEach(() => rm(folder, { recursive: true }));

const write = (text: string) => (path: string) => writeFile(path, text);

test('a file with the same key is made once, also when asked for twice at a time', async () => {
  const file = { folder, name: 'x', key: 'a1', kept: 2 };
  const [first, second] = await Promise.all([
    cachedFile(file, write('first')),
    cachedFile(file, write('second')),
  ]);
  expect(second).toBe(first);
  expect(await readFile(first, 'utf8')).toBe('first');
});

test('a build that fails leaves nothing behind and can be tried again', async () => {
  const file = { folder, name: 'x', key: 'b2', kept: 2 };
  const broken = cachedFile(file, async (path) => {
    await writeFile(path, 'half');
    throw new Error('no space');
  });
  await expect(broken).rejects.toThrow('no space');
  expect(await readdir(folder)).toEqual([]);
  expect(await readFile(await cachedFile(file, write('whole')), 'utf8')).toBe('whole');
});

test('of older files with the same name the most recently used stay', async () => {
  for (const [index, key] of ['c1', 'c2', 'c3'].entries()) {
    const path = await cachedFile({ folder, name: 'x', key, kept: 2 }, write(key));
    await utimes(path, index, index);
  }
  await cachedFile({ folder, name: 'other', key: 'd1', kept: 2 }, write(''));
  await cachedFile({ folder, name: 'x', key: 'c4', kept: 2 }, write('c4'));
  expect((await readdir(folder)).sort()).toEqual(['other-d1.tar', 'x-c3.tar', 'x-c4.tar']);
});

test('what a killed build left goes after a while, what another one is making stays', async () => {
  await writeFile(join(folder, 'x-e1.tar.7.partial'), 'half');
  await utimes(join(folder, 'x-e1.tar.7.partial'), 0, 0);
  await writeFile(join(folder, 'x-e2.tar.8.partial'), 'half');
  await cachedFile({ folder, name: 'x', key: 'e3', kept: 2 }, write('e3'));
  expect((await readdir(folder)).sort()).toEqual(['x-e2.tar.8.partial', 'x-e3.tar']);
});
